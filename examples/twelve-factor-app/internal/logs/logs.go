// Package logs writes the event stream to standard output: a line of JSON for each event, which whatever runs the process
// collects. The names of the fields are those that Cloud Logging knows.
package logs

import (
	"io"
	"log/slog"
)

// severities are Cloud Logging's names. Source: https://cloud.google.com/logging/docs/structured-logging
var severities = map[slog.Level]string{
	slog.LevelDebug: "DEBUG", slog.LevelInfo: "INFO", slog.LevelWarn: "WARNING", slog.LevelError: "ERROR",
}

// New gives a logger that writes to w.
func New(w io.Writer) *slog.Logger {
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) > 0 {
			return a
		}
		switch a.Key {
		case slog.LevelKey:
			level, _ := a.Value.Any().(slog.Level)
			return slog.String("severity", severities[level])
		case slog.MessageKey:
			a.Key = "message"
		}
		return a
	}}))
}
