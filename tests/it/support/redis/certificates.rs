//! A certificate authority of our own, and a server certificate by it.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// Made by openssl; gone when dropped.
pub struct Certificates {
    folder: TempDir,
}

impl Certificates {
    /// For 127.0.0.1 and localhost.
    pub fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        std::fs::write(path.join("names"), "subjectAltName=IP:127.0.0.1,DNS:localhost\n").unwrap();
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";
        openssl(path, &format!("req -x509 {key} -keyout ca.key -out ca.pem -subj /CN=postroom-tests"));
        openssl(path, &format!("req {key} -keyout server.key -out server.csr -subj /CN=localhost"));
        let by = "-CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names";
        openssl(path, &format!("x509 -req -in server.csr -out server.pem {by}"));
        Self { folder }
    }

    /// What those who connect have to trust.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    pub fn server(&self) -> PathBuf {
        self.folder.path().join("server.pem")
    }

    pub fn server_key(&self) -> PathBuf {
        self.folder.path().join("server.key")
    }
}

fn openssl(folder: &Path, arguments: &str) {
    let output = Command::new("openssl")
        .args(arguments.split(' '))
        .current_dir(folder)
        .output()
        .expect("install openssl: these tests make certificates with it");
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}
