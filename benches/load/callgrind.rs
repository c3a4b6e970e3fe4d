//! Instructions for each token request, counted by callgrind on a server of its own.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::Outcome;
use crate::drive::one_by_one;
use crate::hilum::{Dev, Serve, first_answer, side, words};
use crate::operations::Operation;
use crate::processes::Running;

/// Requests before counting begins, and requests counted.
const WARM_UP: usize = 50;
const COUNTED: usize = 300;

/// Counts on a server that runs some fifty times slower, one request after the other.
pub(crate) fn count(hilum: &Path, work: &Path, dev: &Dev, serve: &Serve) -> Outcome<Vec<(Operation, u64)>> {
    let output = work.join("callgrind.out");
    let mut arguments = words(&["--tool=callgrind", "--quiet"]);
    arguments.push(format!("--callgrind-out-file={}", output.display()));
    arguments.push(hilum.display().to_string());
    arguments.extend(serve.arguments.iter().cloned());
    let start = || Running::start("callgrind", work, Path::new("valgrind"), &arguments);
    let (running, _) = first_answer(start, &serve.public)?;
    let side = side(hilum, dev, serve, running.pid())?;
    let mut counts = Vec::new();
    for (dumped, operation) in (1..).zip([Operation::Secret, Operation::Es384]) {
        let asks = |count: usize| one_by_one(side.prepare(operation, count)?, count);
        asks(WARM_UP)?;
        control("--zero", running.pid())?;
        asks(COUNTED)?;
        control("--dump", running.pid())?;
        let text = fs::read_to_string(format!("{}.{dumped}", output.display()))?;
        let total = text.lines().rev().find_map(|line| line.strip_prefix("totals: "));
        let total: u64 = total.ok_or("callgrind wrote no total")?.trim().parse()?;
        counts.push((operation, total / u64::try_from(COUNTED)?));
    }
    Ok(counts)
}

fn control(what: &str, pid: u32) -> Outcome<()> {
    let answer = Command::new("callgrind_control").arg(what).arg(pid.to_string()).output()?;
    if answer.status.success() {
        return Ok(());
    }
    Err(format!("callgrind_control {what}: {}", String::from_utf8_lossy(&answer.stderr)).into())
}
