package migrations

import (
	"io/fs"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// released is the last migration of the first release: those up to it only ever
// run on an empty database.
const released = 10

// unsafe says what of one migration would keep live workers waiting, or would
// break the workers of before.
func unsafe(text string) (found []string) {
	up, _, _ := strings.Cut(text, "-- +goose Down")
	outside := strings.Contains(up, "+goose NO TRANSACTION")
	up = regexp.MustCompile(`(?s)'[^']*'|\$\$.*?\$\$`).ReplaceAllString(regexp.MustCompile(`--[^\n]*`).ReplaceAllString(up, ""), "''")
	made := map[string]bool{"gangway.compatibility": true} // small, and nobody writes it
	statements := strings.Split(strings.ToLower(up), ";")
	for _, statement := range statements {
		s := strings.Join(strings.Fields(statement), " ")
		if table := after(s, `create (?:unlogged )?table (?:if not exists )?`); table != "" {
			made[table] = true
		}
		complain := func(what string) { found = append(found, what+": "+s) }
		switch {
		case after(s, `create (?:unique )?index (?:concurrently )?(?:if not exists )?[a-z0-9_]* ?on (?:only )?`) != "":
			table := after(s, `create (?:unique )?index (?:concurrently )?(?:if not exists )?[a-z0-9_]* ?on (?:only )?`)
			if !made[table] && (!strings.Contains(s, " concurrently ") || !outside) {
				complain("writers wait while the index is built; CREATE INDEX CONCURRENTLY under -- +goose NO TRANSACTION")
			}
		case strings.HasPrefix(s, "alter table "):
			table := after(s, `alter table (?:if exists )?(?:only )?`)
			for _, action := range strings.Split(strings.TrimPrefix(s[strings.Index(s, table)+len(table):], " "), ", ") {
				if !made[table] && !harmless(action) {
					complain("the table is locked while it is read or rewritten, or older workers miss what goes")
				}
			}
		case regexp.MustCompile(`^(drop table|truncate|cluster|vacuum|reindex|lock|drop view|drop function) `).MatchString(s):
			complain("older workers may use it")
		case after(s, `(?:update|delete from) (?:only )?`) != "" && !made[after(s, `(?:update|delete from) (?:only )?`)]:
			complain("one statement over a whole table; do it in batches")
		}
	}
	return found
}

// harmless lists what only takes a lock for an instant.
func harmless(action string) bool {
	switch {
	case strings.HasPrefix(action, "add column "):
		volatile := regexp.MustCompile(`random|clock_timestamp|generated|serial`).MatchString(action)
		return !volatile && (!strings.Contains(action, "not null") || strings.Contains(action, "default"))
	case strings.HasPrefix(action, "add constraint "):
		return strings.Contains(action, "not valid")
	}
	return regexp.MustCompile(`^(validate constraint|drop constraint|set \(|alter column [a-z_]+ (set default|drop default|drop not null|set statistics))`).MatchString(action)
}

// after returns the name that follows a beginning of a statement, "" for another
// statement.
func after(statement, beginning string) string {
	if m := regexp.MustCompile(`^` + beginning + `([a-z_0-9.]+)`).FindStringSubmatch(statement); m != nil {
		return m[1]
	}
	return ""
}

// TestMigrationsAreSafeWhileWorkersRun holds every migration that may meet live
// tables to what takes no long lock.
func TestMigrationsAreSafeWhileWorkersRun(t *testing.T) {
	names, err := fs.Glob(FS, "*.sql")
	if err != nil || len(names) <= released {
		t.Fatalf("%d migrations, %v", len(names), err)
	}
	for i, name := range names {
		number, err := strconv.Atoi(name[:5])
		if err != nil || number != i+1 {
			t.Errorf("%s does not follow %05d", name, i)
		}
		text, err := fs.ReadFile(FS, name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), "-- +goose Down") {
			t.Errorf("%s has no way back", name)
		}
		if number > released {
			for _, complaint := range unsafe(string(text)) {
				t.Errorf("%s: %s", name, complaint)
			}
		}
	}
}

func TestUnsafeNotices(t *testing.T) {
	for statement, want := range map[string]bool{
		"CREATE INDEX a ON gangway.deliveries (status)":                                                       true,
		"CREATE INDEX CONCURRENTLY a ON gangway.deliveries (status)":                                          true, // inside of a transaction
		"-- +goose NO TRANSACTION\nCREATE INDEX CONCURRENTLY a ON gangway.deliveries (status)":                false,
		"CREATE TABLE gangway.new (a int);\nCREATE UNIQUE INDEX new_a ON gangway.new (a)":                     false,
		"ALTER TABLE gangway.deliveries ADD COLUMN a text":                                                    false,
		"ALTER TABLE gangway.deliveries ADD COLUMN a text, ADD COLUMN b int NOT NULL DEFAULT 0":               false,
		"ALTER TABLE gangway.deliveries ADD COLUMN a text NOT NULL":                                           true,
		"ALTER TABLE gangway.deliveries ADD COLUMN a uuid DEFAULT gen_random_uuid()":                          true,
		"ALTER TABLE gangway.deliveries ALTER COLUMN lane TYPE varchar(9)":                                    true,
		"ALTER TABLE gangway.deliveries ALTER COLUMN lane SET NOT NULL":                                       true,
		"ALTER TABLE gangway.deliveries DROP COLUMN lane":                                                     true,
		"ALTER TABLE gangway.deliveries ADD CONSTRAINT c CHECK (rank >= 0)":                                   true,
		"ALTER TABLE gangway.deliveries ADD CONSTRAINT c CHECK (rank >= 0) NOT VALID":                         false,
		"ALTER TABLE gangway.deliveries VALIDATE CONSTRAINT c":                                                false,
		"UPDATE gangway.deliveries SET lane = 'normal'":                                                       true,
		"UPDATE gangway.compatibility SET needs = 12":                                                         false,
		"DELETE FROM gangway.audit_log":                                                                       true,
		"DROP TABLE gangway.delivery_polls":                                                                   true,
		"CREATE FUNCTION gangway.f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN DELETE FROM gangway.x; END $$": false,
		"SELECT gangway.ensure_partitions()":                                                                  false,
	} {
		if found := unsafe("-- +goose Up\n" + statement + ";\n-- +goose Down\nDROP TABLE x;\n"); (len(found) > 0) != want {
			t.Errorf("%s: %v", statement, found)
		}
	}
}
