//! What is logged and measured.

use std::fmt;
use std::io::{self, Write};
use std::sync::OnceLock;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::Registry;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, reload};

use crate::config::log::{Format, Level, Log};

/// Upper bounds of what ends in `_seconds`.
const SECONDS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Upper bounds of everything else, such as the entries of a transaction.
const COUNTS: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// A log that has been started; its level can be changed.
#[derive(Clone)]
pub struct LogHandle(reload::Handle<EnvFilter, Registry>);

/// The log could not be started or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TelemetryFailed {
    /// Something else writes the log of this process.
    #[error("something else writes the log of this process already")]
    Taken,
    /// The level cannot be read, or the log has ended.
    #[error("the level of the log cannot be changed")]
    Level,
}

impl LogHandle {
    /// Logs what another level says, from now on.
    pub fn change(&self, level: &Level) -> Result<(), TelemetryFailed> {
        self.0.reload(filter(level)?).map_err(|_| TelemetryFailed::Level)
    }
}

/// Starts the log, on the standard error. A second start in one process changes the level alone.
pub fn start(log: &Log) -> Result<LogHandle, TelemetryFailed> {
    static STARTED: OnceLock<Result<LogHandle, TelemetryFailed>> = OnceLock::new();
    let handle = STARTED.get_or_init(|| install(log)).clone()?;
    handle.change(&log.level)?;
    Ok(handle)
}

/// Starts the metrics; a second call gives the same handle. Someone has to call its `run_upkeep`
/// every few seconds, or memory grows until the metrics are next read.
pub fn metrics() -> PrometheusHandle {
    static STARTED: OnceLock<PrometheusHandle> = OnceLock::new();
    let handle = STARTED.get_or_init(|| {
        let recorder = buckets().build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("something else measures this process already: no metrics are shown");
        }
        handle
    });
    handle.clone()
}

fn buckets() -> PrometheusBuilder {
    // Only an empty list of bounds is refused.
    PrometheusBuilder::new()
        .set_buckets(&COUNTS)
        .and_then(|builder| builder.set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS))
        .unwrap_or_default()
}

fn install(log: &Log) -> Result<LogHandle, TelemetryFailed> {
    let (filter, handle) = reload::Layer::new(filter(&log.level)?);
    let lines = tracing_subscriber::fmt::layer().with_writer(StandardError).with_ansi(false);
    let lines = match log.format {
        Format::Json => {
            lines.json().flatten_event(true).with_current_span(true).with_span_list(false).boxed()
        }
        Format::Pretty => lines.boxed(),
    };
    let subscriber = tracing_subscriber::registry().with(filter).with(lines);
    subscriber.try_init().map_err(|_| TelemetryFailed::Taken)?;
    Ok(LogHandle(handle))
}

fn filter(level: &Level) -> Result<EnvFilter, TelemetryFailed> {
    EnvFilter::builder().parse(level.as_str()).map_err(|_| TelemetryFailed::Level)
}

/// The standard error, one event a line whatever a message holds.
struct StandardError;

impl<'a> MakeWriter<'a> for StandardError {
    type Writer = OneLine<io::Stderr>;

    fn make_writer(&'a self) -> Self::Writer {
        OneLine(io::stderr())
    }
}

/// Escapes every control character but the newline that ends an event, which arrives in one piece.
/// `\u000a` is also how JSON would write it.
struct OneLine<W>(W);

impl<W: Write> Write for OneLine<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let line = text.strip_suffix('\n').unwrap_or(&text);
        let mut escaped = String::with_capacity(text.len());
        for character in line.chars() {
            if character.is_control() || matches!(character, '\u{2028}' | '\u{2029}') {
                // Writing to a text cannot fail.
                let _ = fmt::Write::write_fmt(&mut escaped, format_args!("\\u{:04x}", u32::from(character)));
            } else {
                escaped.push(character);
            }
        }
        escaped.push('\n');
        self.0.write_all(escaped.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_forges_a_line_or_moves_the_cursor() {
        let mut written = OneLine(Vec::new());
        written.write_all("user=a\nINFO forged \u{1b}[2J \u{9b}1A \u{7f}\t end\n".as_bytes()).unwrap();
        let expected = "user=a\\u000aINFO forged \\u001b[2J \\u009b1A \\u007f\\u0009 end\n";
        assert_eq!(String::from_utf8(written.0).unwrap(), expected);
    }

    #[test]
    fn a_second_start_is_the_first() {
        let log = Log { format: Format::Json, level: Level::default() };
        start(&log).unwrap();
        let handle = start(&Log { level: Level::parse("error").unwrap(), ..log }).unwrap();
        assert_eq!(handle.0.with_current(ToString::to_string).unwrap(), "error");
    }

    #[test]
    fn latencies_have_buckets() {
        let handle = (metrics(), metrics()).1;
        metrics::histogram!("hilum_try_seconds").record(0.003);
        metrics::histogram!("hilum_try_entries").record(3.0);
        let shown = handle.render();
        assert!(shown.contains("hilum_try_seconds_bucket{le=\"0.005\"} 1"), "{shown}");
        assert!(shown.contains("hilum_try_entries_bucket{le=\"4\"} 1"), "{shown}");
    }
}
