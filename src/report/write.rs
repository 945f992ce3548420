//! Writes a report: whole or not at all.

use std::io;
use std::path::Path;

/// A report as files: paths inside the folder, and what is in them.
pub type Files = Vec<(String, Vec<u8>)>;

/// Writes all files into a new folder beside `folder` and puts it in its place. A failure leaves what was there, and so
/// does anything there that is no report: a file, or a folder of somebody else's files.
pub fn write(folder: &Path, files: &Files) -> io::Result<()> {
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
pub fn update(folder: &Path, files: &Files) -> io::Result<()> {
    for (name, bytes) in files {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        let fresh = path.with_extension("part");
        std::fs::write(&fresh, bytes)?;
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

fn write_all(folder: &Path, files: &Files) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for (name, bytes) in files {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, bytes)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_replaces_the_last_one_whole() {
        let folder = std::env::temp_dir().join(format!("netsplit-write-{}", std::process::id())).join("report");
        let report = |more: &str| -> Files {
            ["summary.json", "scenario.toml", more].map(|name| (name.to_owned(), b"1".to_vec())).to_vec()
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
        let files = vec![("summary.json".to_owned(), b"{}".to_vec())];
        assert!(write(&folder, &files).is_err() && write(&file, &files).is_err());
        assert_eq!(std::fs::read_to_string(folder.join("thesis.tex")).expect("it stays"), "years");
        assert_eq!(std::fs::read_dir(&parent).expect("it is there").count(), 2, "nothing is left beside them");
        std::fs::remove_dir_all(&parent).expect("our own");
    }
}
