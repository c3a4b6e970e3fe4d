//! Files that are read again while the server runs: at HUP all of them, and by themselves those that have changed.
//! What cannot be used leaves in force what is, and no connection ends for it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use crate::config::Config;
use crate::config::problem::Problem;
use crate::config::proxy::Proxy;
use crate::config::tls::Tls;
use crate::protocol::error::Fault;

/// The sections of a configuration that name files.
#[derive(Clone, Debug)]
pub struct Files {
    /// `[tls]`.
    pub tls: Tls,
    /// `[proxy]`.
    pub proxy: Option<Proxy>,
}

impl Files {
    /// Those of a configuration.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Self { tls: config.tls.clone(), proxy: config.proxy.clone() }
    }
}

/// Puts in force what was read. It cannot fail.
pub type PutInForce = Box<dyn FnOnce() + Send>;

/// Something that is read from files.
pub trait Renewable: Send + Sync {
    /// Its name in logs and measurements.
    fn name(&self) -> &'static str;

    /// The keys of the configuration that name its files.
    fn keys(&self) -> &'static [&'static str];

    /// The files it is read from.
    fn files(&self, files: &Files) -> Vec<PathBuf>;

    /// Reads it; nothing changes before the answer is called.
    fn read(&self, files: &Files) -> Result<PutInForce, Fault>;
}

/// What tells one state of a file from another without reading it: a file that is replaced has another number, one
/// that is written to another time. `None` for one that is not there.
type Mark = Option<[i64; 7]>;

/// The marks of the files of a part.
type Marks = BTreeMap<PathBuf, Mark>;

/// What is known of the files of a part.
#[derive(Debug)]
enum Looked {
    /// They are in force, or were told to be bad.
    Settled(Marks),
    /// They cannot be used: perhaps only half of them was written yet, so this is told if it stays so.
    Doubtful(Marks),
}

/// Everything that is read again. `judge` names the files that a production server would refuse.
pub struct Renewal {
    files: ArcSwap<Files>,
    parts: Vec<Part>,
    judge: Judge,
}

/// Names the files among these that must not be used, with the reason.
pub type Judge = fn(&Files) -> Vec<Problem>;

struct Part {
    what: Arc<dyn Renewable>,
    looked: Mutex<Looked>,
}

impl Renewal {
    /// Looks at the files as they are, before they are read for the first time.
    #[must_use]
    pub fn begin(files: Files, judge: Judge) -> Beginning {
        let tls = &files.tls;
        let single = [&tls.certificate_file, &tls.key_file, &tls.client_anchors_file, &tls.ocsp_file];
        let of_proxies = files.proxy.as_ref().map(|proxy| &proxy.anchors_file);
        let paths = single.into_iter().flatten().chain(&tls.client_crl_files).chain(of_proxies);
        let all: Marks = paths.map(|path| (path.clone(), mark(path))).collect();
        Beginning { files, judge, marks: all }
    }

    /// Reads everything that another configuration names; all of it is put in force, or nothing.
    pub fn read_all(&self, files: Files) -> Result<(), Fault> {
        let mut read = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            let marks = marks_of(part.what.files(&files));
            read.push((part, marks, part.what.read(&files)?));
        }
        for (part, marks, put_in_force) in read {
            put_in_force();
            part.settle(marks);
            tell(part.what.name(), Usable::Yes);
        }
        self.files.store(Arc::new(files));
        Ok(())
    }

    /// Reads what has changed. Each part stands for itself.
    pub fn look(&self) {
        let files = self.files.load_full();
        for part in &self.parts {
            self.look_at(part, &files);
        }
    }

    fn look_at(&self, part: &Part, files: &Files) {
        // Before the content: what is written while it is read is read again.
        let marks = marks_of(part.what.files(files));
        let mut looked = part.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let again = match &*looked {
            Looked::Settled(known) if *known == marks => return,
            Looked::Doubtful(known) => *known == marks,
            Looked::Settled(_) => false,
        };
        match self.read(part, files) {
            Ok(put_in_force) => {
                put_in_force();
                *looked = Looked::Settled(marks);
                tell(part.what.name(), Usable::Yes);
                tracing::info!(part = part.what.name(), "changed files were read again");
            }
            Err(_) if !again => *looked = Looked::Doubtful(marks),
            Err(fault) => {
                *looked = Looked::Settled(marks);
                tell(part.what.name(), Usable::No);
                tracing::error!(part = part.what.name(), %fault, "changed files cannot be used: what was in force stays in force");
            }
        }
    }

    fn read(&self, part: &Part, files: &Files) -> Result<PutInForce, Fault> {
        let is_ours = |problem: &Problem| part.what.keys().contains(&problem.key.as_str());
        match (self.judge)(files).into_iter().find(is_ours) {
            Some(problem) => {
                Err(Fault::new("judging changed files", format!("{}: {}", problem.key, problem.says)))
            }
            None => part.what.read(files),
        }
    }
}

/// The files as they were before they were read.
pub struct Beginning {
    files: Files,
    judge: Judge,
    marks: Marks,
}

impl Beginning {
    /// Watches over these parts, which have been read meanwhile.
    #[must_use]
    pub fn watch(self, parts: Vec<Arc<dyn Renewable>>) -> Arc<Renewal> {
        let part = |what: Arc<dyn Renewable>| {
            let known = |path: PathBuf| (path.clone(), self.marks.get(&path).copied().flatten());
            let marks = what.files(&self.files).into_iter().map(known).collect();
            tell(what.name(), Usable::Yes);
            Part { what, looked: Mutex::new(Looked::Settled(marks)) }
        };
        let parts = parts.into_iter().map(part).collect();
        Arc::new(Renewal { files: ArcSwap::from_pointee(self.files), parts, judge: self.judge })
    }
}

impl Part {
    fn settle(&self, marks: Marks) {
        *self.looked.lock().unwrap_or_else(PoisonError::into_inner) = Looked::Settled(marks);
    }
}

/// Whether the files as they are now could be used.
#[derive(Clone, Copy)]
enum Usable {
    Yes,
    No,
}

/// Measures whether what is on disk is in force.
fn tell(part: &'static str, usable: Usable) {
    let refused = match usable {
        Usable::Yes => 0.0,
        Usable::No => 1.0,
    };
    metrics::gauge!("hilum_files_refused", "part" => part).set(refused);
}

fn marks_of(paths: Vec<PathBuf>) -> Marks {
    paths.into_iter().map(|path| (path.clone(), mark(&path))).collect()
}

fn mark(path: &Path) -> Mark {
    let found = fs::metadata(path).ok()?;
    let number = |number: u64| i64::from_ne_bytes(number.to_ne_bytes());
    Some([
        number(found.dev()),
        number(found.ino()),
        number(found.size()),
        found.mtime(),
        found.mtime_nsec(),
        found.ctime(),
        found.ctime_nsec(),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// A file that may hold anything but `bad`.
    struct Text(AtomicU32);

    impl Renewable for Arc<Text> {
        fn name(&self) -> &'static str {
            "text"
        }

        fn keys(&self) -> &'static [&'static str] {
            &[]
        }

        fn files(&self, files: &Files) -> Vec<PathBuf> {
            files.tls.client_crl_files.clone()
        }

        fn read(&self, files: &Files) -> Result<PutInForce, Fault> {
            let path = files.tls.client_crl_files.first().unwrap();
            let text = fs::read_to_string(path).map_err(|error| Fault::new("reading", error))?;
            let this = self.clone();
            if text == "bad" {
                Err(Fault::new("reading", "bad"))
            } else {
                Ok(Box::new(move || {
                    this.0.fetch_add(1, Ordering::SeqCst);
                }))
            }
        }
    }

    #[test]
    fn what_changed_is_read_once_and_what_is_bad_is_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list");
        fs::write(&path, "one").unwrap();
        let file = format!(
            "[issuer]\nurl='https://a.example'\n[secrets]\nmaster_key_file='x'\n[tls]\nclient_crl_files=['{}']",
            path.display()
        );
        let files = Files::of(&Config::parse(&file, []).unwrap());
        let text = Arc::new(Text(AtomicU32::new(0)));
        let renewal = Renewal::begin(files.clone(), |_| Vec::new()).watch(vec![Arc::new(text.clone())]);
        let replace = |content: &str| {
            fs::write(folder.path().join("next"), content).unwrap();
            fs::rename(folder.path().join("next"), &path).unwrap();
        };
        let settled = || matches!(*renewal.parts.first().unwrap().looked.lock().unwrap(), Looked::Settled(_));
        let rows: [(Option<&str>, u32, bool); 8] = [
            (None, 0, true),
            (Some("two"), 1, true),
            (None, 1, true),
            (Some("bad"), 1, false),
            (None, 1, true),
            (None, 1, true),
            (Some("bad"), 1, false),
            (Some("three"), 2, true),
        ];
        for (content, times, is_settled) in rows {
            if let Some(content) = content {
                replace(content);
            }
            renewal.look();
            assert_eq!((text.0.load(Ordering::SeqCst), settled()), (times, is_settled), "{content:?}");
        }
        fs::remove_file(&path).unwrap();
        renewal.look();
        renewal.look();
        assert_eq!(text.0.load(Ordering::SeqCst), 2);
        replace("bad");
        assert!(renewal.read_all(files.clone()).is_err());
        replace("four");
        renewal.read_all(files).unwrap();
        renewal.look();
        assert_eq!(text.0.load(Ordering::SeqCst), 3);
    }
}
