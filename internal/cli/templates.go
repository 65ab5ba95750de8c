package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

func (p *program) templatesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "templates",
		Short: "List and render the templates of messages",
		Long:  "List and render the templates of messages.",
		Example: `  publisher templates list
  publisher templates render application-received --var name=김민수 --var number=2026-0042`,
	}
	cmd.AddCommand(p.templatesListCommand(), p.templatesRenderCommand())
	return cmd
}

func (p *program) templatesListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the templates there are",
		Long:  "List the templates there are, with their locales, parts and variables.",
		Example: `  publisher templates list
  publisher templates list -o json`,
		Args: wants(),
		RunE: does(func(ctx context.Context, _ []string) error {
			templates, err := open(ctx, p, p.backends.Templates)
			if err != nil {
				return err
			}
			return rows(ctx, p, list[Template]{
				empty:   "there are no templates",
				columns: []column{{title: "name"}, {title: "locales"}, {title: "parts"}, {title: "variables", shrink: 50}},
				row: func(t Template) []string {
					return []string{t.Name, strings.Join(t.Locales, ","), strings.Join(t.Parts, ","), strings.Join(t.Variables, ",")}
				},
				page: whole(templates.List(ctx)),
			})
		}),
	}
}

func (p *program) templatesRenderCommand() *cobra.Command {
	w := &wording{dispatch: dispatch{p: p}}
	var part string
	cmd := &cobra.Command{
		Use:   "render NAME",
		Short: "Fill a template in and print it",
		Long:  "Fill a template in and print it: everything, or one --part alone.",
		Example: `  publisher templates render application-received --locale ko --var name=김민수 --var number=2026-0042
  publisher templates render application-received --vars sample.json --part html > preview.html`,
		Args: wants("NAME"),
		RunE: does(func(ctx context.Context, args []string) error {
			if part != "" {
				if _, err := pick(part, []string{"subject", "text", "html", "sms"}); err != nil {
					return misused("part", err)
				}
			}
			variables, err := w.values()
			if err != nil {
				return err
			}
			templates, err := open(ctx, p, p.backends.Templates)
			if err != nil {
				return err
			}
			rendered, err := templates.Render(ctx, args[0], w.locale, variables)
			if err != nil {
				return err
			}
			return p.rendered(args[0], part, rendered)
		}),
	}
	f := cmd.Flags()
	f.StringVar(&w.locale, "locale", "", "`LOCALE`, such as ko or en")
	f.StringArrayVar(&w.variables, "var", nil, "`NAME=VALUE` of a variable; repeat for more")
	f.StringVar(&w.variablesFile, "vars", "", "`FILE` with a JSON object of variables; - is stdin")
	f.StringVar(&part, "part", "", "only this `PART`: subject, text, html or sms")
	offers(cmd, "part", []string{"subject", "text", "html", "sms"})
	return cmd
}

func (p *program) rendered(name, part string, r Rendered) error {
	parts := []pair{{"subject", r.Subject}, {"text", r.Text}, {"html", r.HTML}, {"sms", r.SMS}}
	switch {
	case part != "":
		for _, one := range parts {
			if one.name == part && one.value == "" {
				return fmt.Errorf("template %s has no %s", name, part)
			}
			if one.name == part {
				p.out.printf("%s\n", strings.TrimRight(one.value, "\n"))
			}
		}
		return nil
	case p.format == jsonFormat:
		return p.out.object(r)
	}
	printed := false
	for _, one := range parts {
		if one.value == "" {
			continue
		}
		if printed {
			p.out.printf("\n")
		}
		printed = true
		p.out.printf("%s\n%s\n", p.out.paint(bold, strings.ToUpper(one.name)), cleanLines(strings.TrimRight(one.value, "\n")))
	}
	return nil
}
