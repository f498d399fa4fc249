//! Files and folders that appear whole or not at all.
//!
//! What is written goes to a temporary file in the same folder, reaches the disk, and only then
//! takes its name: nobody ever sees half a file, and a crash leaves the old one in place.
//! [`OutputFolder`] does the same for a folder.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, TempDir};

use crate::error::{At, FileError, FileProblem};

/// Writes a file whole: `fill` writes the contents, then the file appears under its name and
/// replaces what was there. If `fill` fails, the old file stays as it was.
///
/// A name that belongs to a device or a pipe, such as `/dev/stdout`, is written to directly.
///
/// # Errors
/// If the folder does not exist, the name is a folder's, or the system refuses.
///
/// # Examples
/// ```
/// let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("trace.csv");
/// isocenter_io::atomic::write_file(&path, |out| writeln!(out, "iteration,value")).unwrap();
/// assert_eq!(std::fs::read_to_string(&path).unwrap(), "iteration,value\n");
/// ```
pub fn write_file(
    path: impl AsRef<Path>,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), FileError> {
    let path = path.as_ref();
    write(path, fill).at(path)
}

fn write(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), FileProblem> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => return Err(FileProblem::IsFolder),
        Ok(found) if !found.is_file() => {
            let mut out = BufWriter::new(File::options().write(true).open(path)?);
            fill(&mut out).map_err(FileProblem::System)?;
            return Ok(out.flush()?);
        }
        _ => {}
    }
    let name = path.file_name().ok_or(FileProblem::IsFolder)?.to_string_lossy();
    let folder = existing_parent(path)?;
    let prefix = format!(".{name}.partial-");
    let mut builder = Builder::new();
    builder.prefix(&prefix);
    usual_permissions(&mut builder, 0o666);
    let temporary = builder.tempfile_in(folder)?;
    let mut out = BufWriter::new(temporary.as_file());
    fill(&mut out).map_err(FileProblem::System)?;
    out.flush()?;
    drop(out);
    temporary.as_file().sync_all()?;
    temporary.persist(path).map_err(|e| e.error)?;
    Ok(())
}

/// Checks that a file may take a name, as far as that shows before it is written.
pub(crate) fn check_place(path: &Path) -> Result<(), FileProblem> {
    if path.is_dir() || path.file_name().is_none() {
        return Err(FileProblem::IsFolder);
    }
    existing_parent(path).map(|_| ())
}

/// Temporary files are private by default; these become the user's files, so they get what any
/// new file gets: `mode` less the umask.
#[cfg(unix)]
fn usual_permissions(builder: &mut Builder<'_, '_>, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(fs::Permissions::from_mode(mode));
}

#[cfg(not(unix))]
fn usual_permissions(_builder: &mut Builder<'_, '_>, _mode: u32) {}

/// The folder that a path lies in.
fn existing_parent(path: &Path) -> Result<&Path, FileProblem> {
    let folder = match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => path,
    };
    if folder.is_dir() {
        Ok(folder)
    } else {
        Err(FileProblem::NoFolder { folder: folder.to_owned() })
    }
}

/// A folder of results that appears whole: files go to [`path`](Self::path), and
/// [`commit`](Self::commit) gives them their place. Dropped without a commit, it leaves nothing.
///
/// A new folder `DIR` is filled as `DIR.partial-xxxx` beside it and renamed. An existing one is
/// filled as `DIR/.partial-xxxx` (inside, because `DIR` may be a mounted disk, and files cannot be
/// renamed across disks); then its files are replaced one by one, each whole, and other files in
/// it stay.
///
/// # Examples
/// ```
/// use isocenter_io::atomic::OutputFolder;
/// let parent = tempfile::tempdir().unwrap();
/// let target = parent.path().join("case-1");
/// let out = OutputFolder::create(&target).unwrap();
/// std::fs::write(out.path().join("trace.csv"), "iteration,value\n").unwrap();
/// assert!(!target.exists());
/// out.commit().unwrap();
/// assert!(target.join("trace.csv").exists());
/// ```
#[derive(Debug)]
pub struct OutputFolder {
    target: PathBuf,
    staging: TempDir,
}

impl OutputFolder {
    /// Prepares to fill a folder. Call it before long computations: a folder that cannot be
    /// written to is found out here.
    ///
    /// # Errors
    /// If the name is a file's, the parent folder does not exist, or the system refuses.
    pub fn create(target: impl AsRef<Path>) -> Result<Self, FileError> {
        let target = target.as_ref();
        let staging = Self::stage(target).at(target)?;
        Ok(Self { target: target.to_owned(), staging })
    }

    fn stage(target: &Path) -> Result<TempDir, FileProblem> {
        let (folder, prefix) = match fs::metadata(target) {
            Ok(found) if found.is_dir() => (target, ".partial-".to_owned()),
            Ok(_) => return Err(FileProblem::IsFile),
            Err(_) => {
                let name = target.file_name().ok_or(FileProblem::NotFound)?.to_string_lossy();
                (existing_parent(target)?, format!("{name}.partial-"))
            }
        };
        let mut builder = Builder::new();
        builder.prefix(&prefix);
        usual_permissions(&mut builder, 0o777);
        Ok(builder.tempdir_in(folder)?)
    }

    /// Where to write the files for now.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.staging.path()
    }

    /// Gives the files their place.
    ///
    /// # Errors
    /// If the system refuses. Files that already have their place keep it; each is whole.
    pub fn commit(self) -> Result<(), FileError> {
        if self.target.is_dir() {
            move_files(self.staging.path(), &self.target)
        } else {
            fs::rename(self.staging.path(), &self.target).at(&self.target)
        }
        // What is left of the staging folder goes when `self.staging` is dropped.
    }
}

/// Moves all files of one folder to another on the same disk, replacing those of the same name.
fn move_files(from: &Path, to: &Path) -> Result<(), FileError> {
    for entry in fs::read_dir(from).at(from)? {
        let entry = entry.at(from)?;
        let target = to.join(entry.file_name());
        if entry.file_type().at(from)?.is_dir() {
            if !target.is_dir() {
                fs::create_dir(&target).at(&target)?;
            }
            move_files(&entry.path(), &target)?;
        } else {
            fs::rename(entry.path(), &target).at(&target)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    //! Proves: files and folders appear whole, failures leave the old state and no litter, new
    //! files get the usual permissions, and wrong places are named.
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_no_litter() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        write_file(&path, |out| out.write_all(b"old")).unwrap();
        let failed = write_file(&path, |out| {
            out.write_all(b"new")?;
            Err(io::Error::other("the disk is full"))
        });
        assert!(failed.unwrap_err().to_string().contains("the disk is full"));
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["a.txt"]);
        write_file(&path, |out| out.write_all(b"new")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }

    #[cfg(unix)]
    #[test]
    fn permissions_are_those_of_a_plain_create() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let mode = |name: &str| {
            fs::metadata(folder.path().join(name)).unwrap().permissions().mode() & 0o777
        };
        fs::write(folder.path().join("plain"), "x").unwrap();
        write_file(folder.path().join("ours"), |out| out.write_all(b"x")).unwrap();
        assert_eq!(mode("ours"), mode("plain"));
        fs::create_dir(folder.path().join("plain.d")).unwrap();
        OutputFolder::create(folder.path().join("ours.d")).unwrap().commit().unwrap();
        assert_eq!(mode("ours.d"), mode("plain.d"));
    }

    #[cfg(unix)]
    #[test]
    fn devices_are_written_to_not_replaced() {
        use std::os::unix::fs::FileTypeExt;
        write_file("/dev/null", |out| out.write_all(b"x")).unwrap();
        assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
    }

    #[test]
    fn a_new_folder_appears_on_commit_only() {
        let parent = tempfile::tempdir().unwrap();
        let target = parent.path().join("case");
        let out = OutputFolder::create(&target).unwrap();
        fs::create_dir(out.path().join("sub")).unwrap();
        fs::write(out.path().join("sub/b.txt"), "b").unwrap();
        assert!(out.path().file_name().unwrap().to_string_lossy().starts_with("case.partial-"));
        assert!(!target.exists());
        out.commit().unwrap();
        assert_eq!(names(parent.path()), ["case"]);
        assert_eq!(fs::read_to_string(target.join("sub/b.txt")).unwrap(), "b");

        drop(OutputFolder::create(parent.path().join("given-up")).unwrap());
        assert_eq!(names(parent.path()), ["case"]);
    }

    #[test]
    fn an_existing_folder_gets_its_files_replaced() {
        let target = tempfile::tempdir().unwrap();
        fs::create_dir(target.path().join("sub")).unwrap();
        for (name, text) in [("a.txt", "old"), ("sub/b.txt", "old"), ("kept.txt", "kept")] {
            fs::write(target.path().join(name), text).unwrap();
        }
        let out = OutputFolder::create(target.path()).unwrap();
        fs::write(out.path().join("a.txt"), "new").unwrap();
        fs::create_dir(out.path().join("sub")).unwrap();
        fs::write(out.path().join("sub/b.txt"), "new").unwrap();
        assert_eq!(fs::read_to_string(target.path().join("a.txt")).unwrap(), "old");
        out.commit().unwrap();
        assert_eq!(names(target.path()), ["a.txt", "kept.txt", "sub"]);
        for (name, text) in [("a.txt", "new"), ("sub/b.txt", "new"), ("kept.txt", "kept")] {
            assert_eq!(fs::read_to_string(target.path().join(name)).unwrap(), text);
        }
    }

    #[test]
    fn wrong_places_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "x").unwrap();
        let problem = |path: &Path| write_file(path, |_| Ok(())).unwrap_err().problem;
        assert!(matches!(problem(folder.path()), FileProblem::IsFolder));
        assert!(matches!(problem(&folder.path().join("no/x")), FileProblem::NoFolder { .. }));
        let problem = |path: &Path| OutputFolder::create(path).unwrap_err().problem;
        assert!(matches!(problem(&file), FileProblem::IsFile));
        assert!(matches!(problem(&folder.path().join("no/x")), FileProblem::NoFolder { .. }));
        assert_eq!(names(folder.path()), ["file"]);
    }
}
