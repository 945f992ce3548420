//! Writes a report: whole or not at all.

use std::io::{self, Write};
use std::path::Path;

use crate::history::{History, jsonl};

/// A report as files: paths inside the folder, and what is in them.
pub type Files<'a> = Vec<(String, Content<'a>)>;

/// What is in a file.
#[derive(Debug)]
pub enum Content<'a> {
    /// These bytes.
    Bytes(Vec<u8>),
    /// A history in our own format, line after line as it is written: it can be far larger as text than in memory.
    History(&'a History),
}

impl From<String> for Content<'_> {
    fn from(text: String) -> Self {
        Content::Bytes(text.into_bytes())
    }
}

impl Content<'_> {
    fn write(&self, path: &Path) -> io::Result<()> {
        match self {
            Content::Bytes(bytes) => std::fs::write(path, bytes),
            Content::History(history) => {
                let mut file = io::BufWriter::with_capacity(1 << 18, std::fs::File::create(path)?);
                jsonl::write(history, &mut file)?;
                file.flush()
            }
        }
    }
}

/// Writes all files into a new folder beside `folder` and puts it in its place. A failure leaves what was there, and so
/// does anything there that is no report: a file, or a folder of somebody else's files.
pub fn write(folder: &Path, files: &Files<'_>) -> io::Result<()> {
    if let Some(reason) = taken(folder)? {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, reason));
    }
    let parent = folder.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = folder.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    std::fs::create_dir_all(parent)?;
    let fresh = parent.join(format!(".{name}.part"));
    let old = parent.join(format!(".{name}.old"));
    let _ = std::fs::remove_dir_all(&fresh);
    let _ = std::fs::remove_dir_all(&old);
    let written = write_all(&fresh, files);
    if let Err(error) = written {
        let _ = std::fs::remove_dir_all(&fresh);
        return Err(error);
    }
    if folder.exists() {
        std::fs::rename(folder, &old)?;
    }
    if let Err(error) = std::fs::rename(&fresh, folder) {
        // Put back what was there.
        let _ = std::fs::rename(&old, folder);
        let _ = std::fs::remove_dir_all(&fresh);
        return Err(error);
    }
    let _ = std::fs::remove_dir_all(&old);
    Ok(())
}

/// Replaces these files of a folder, each of them whole, and leaves the others.
pub fn update(folder: &Path, files: &Files<'_>) -> io::Result<()> {
    for (name, content) in files {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        let fresh = path.with_extension("part");
        content.write(&fresh)?;
        std::fs::rename(&fresh, &path)?;
    }
    Ok(())
}

/// Why nothing may be put in the place of what is there.
fn taken(folder: &Path) -> io::Result<Option<&'static str>> {
    let there = match std::fs::symlink_metadata(folder) {
        Ok(there) => there,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if !there.is_dir() {
        return Ok(Some("it is there, and is no folder"));
    }
    let empty = std::fs::read_dir(folder)?.next().is_none();
    let report = folder.join("summary.json").is_file() && folder.join("scenario.toml").is_file();
    Ok((!empty && !report).then_some("the folder holds other files, which would be lost"))
}

fn write_all(folder: &Path, files: &Files<'_>) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for (name, content) in files {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        content.write(&path)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_replaces_the_last_one_whole() {
        let folder = std::env::temp_dir().join(format!("netsplit-write-{}", std::process::id())).join("report");
        let report = |more: &str| -> Files<'_> {
            ["summary.json", "scenario.toml", more].map(|name| (name.to_owned(), "1".to_owned().into())).into()
        };
        write(&folder, &report("a")).expect("a folder of our own");
        write(&folder, &report("b")).expect("a folder of our own");
        assert!(folder.join("b").is_file() && !folder.join("a").exists());
        let beside = std::fs::read_dir(folder.parent().expect("it has one")).expect("written").count();
        assert_eq!(beside, 1, "nothing is left beside it");
        std::fs::remove_dir_all(folder.parent().expect("it has one")).expect("our own");
    }

    #[test]
    fn what_is_no_report_stays() {
        let parent = std::env::temp_dir().join(format!("netsplit-stays-{}", std::process::id()));
        let (folder, file) = (parent.join("work"), parent.join("file"));
        std::fs::create_dir_all(&folder).expect("a folder of our own");
        std::fs::write(folder.join("thesis.tex"), "years").expect("a folder of our own");
        std::fs::write(&file, "text").expect("a folder of our own");
        let files = vec![("summary.json".to_owned(), "{}".to_owned().into())];
        assert!(write(&folder, &files).is_err() && write(&file, &files).is_err());
        assert_eq!(std::fs::read_to_string(folder.join("thesis.tex")).expect("it stays"), "years");
        assert_eq!(std::fs::read_dir(&parent).expect("it is there").count(), 2, "nothing is left beside them");
        std::fs::remove_dir_all(&parent).expect("our own");
    }
}
