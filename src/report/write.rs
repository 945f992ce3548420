//! Writes a report: whole or not at all.

use std::io;
use std::path::Path;

/// A report as files: paths inside the folder, and what is in them.
pub type Files = Vec<(String, Vec<u8>)>;

/// Writes all files into a new folder beside `folder` and puts it in its place. A failure leaves what was there.
pub fn write(folder: &Path, files: &Files) -> io::Result<()> {
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
        write(&folder, &vec![("a".into(), b"1".to_vec()), ("b".into(), b"2".to_vec())]).expect("a folder of our own");
        write(&folder, &vec![("a".into(), b"3".to_vec())]).expect("a folder of our own");
        let names: Vec<_> = std::fs::read_dir(&folder).expect("written").flatten().map(|e| e.file_name()).collect();
        assert_eq!(names, ["a"]);
        let beside = std::fs::read_dir(folder.parent().expect("it has one")).expect("written").count();
        assert_eq!(beside, 1, "nothing is left beside it");
        std::fs::remove_dir_all(folder.parent().expect("it has one")).expect("our own");
    }
}
