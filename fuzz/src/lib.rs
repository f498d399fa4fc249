//! What the targets share: bytes as a file of some name.

use std::path::Path;

/// Hands the bytes to a reader as a file of that name.
pub fn as_file(name: &str, bytes: &[u8], read: impl FnOnce(&Path)) {
    let Ok(folder) = tempfile::tempdir() else { return };
    let path = folder.path().join(name);
    if std::fs::write(&path, bytes).is_ok() {
        read(&path);
    }
}
