package broker_test

import (
	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/pipeline"
)

// The pipeline does not know this package, nor this package the pipeline; they
// meet in app.
var (
	_ pipeline.Message = (*broker.Delivery)(nil)
	_ pipeline.Outlet  = (*broker.Outlet)(nil)
)
