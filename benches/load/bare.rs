//! The least that a request costs: the web framework and TLS as Hilum has them, and an answer that
//! says nothing.

use std::path::{Path, PathBuf};

use actix_web::{App, HttpResponse, HttpServer, web};
use hilum::platform::tls::{ServerCertificate, without_client_certificate};

use crate::Outcome;
use crate::drive::{CONNECTIONS, Load, Source};
use crate::hilum::{Certificate, first_answer, free_ports};
use crate::processes::{Running, Watched};
use crate::wire::Target;

/// About as long as a token response.
const LENGTH: usize = 1000;

/// Serves until it is ended.
pub(crate) fn serve(port: u16, certificate: &Path, key: &Path) -> Outcome<()> {
    let certificate = ServerCertificate::read(&std::fs::read(certificate)?, &std::fs::read(key)?)
        .map_err(|_| "the certificate cannot be read")?;
    let config = without_client_certificate(&certificate);
    Ok(actix_web::rt::System::new().block_on(async move {
        HttpServer::new(|| App::new().default_service(web::to(answer)))
            .workers(std::thread::available_parallelism()?.get())
            .bind_rustls_0_23(("127.0.0.1", port), config)?
            .run()
            .await
    })?)
}

async fn answer(body: web::Bytes) -> HttpResponse {
    let text = format!("{{\"read\":{},\"padding\":\"{}\"}}", body.len(), "x".repeat(LENGTH));
    HttpResponse::Ok().content_type("application/json").body(text)
}

/// The bare server as a process.
pub(crate) struct Bare {
    running: Running,
    target: Target,
}

impl Bare {
    pub(crate) fn start(work: &Path, certificate: &Certificate) -> Outcome<Self> {
        let [port] = free_ports()?;
        let program: PathBuf = std::env::current_exe()?;
        let arguments = vec![
            "bare".to_owned(),
            port.to_string(),
            certificate.chain.display().to_string(),
            certificate.key.display().to_string(),
        ];
        let target = Target::new(port, &certificate.chain, None)?;
        let (running, _) = first_answer(|| Running::start("bare", work, &program, &arguments), &target)?;
        Ok(Self { running, target })
    }

    pub(crate) fn watched(&self) -> Watched {
        Watched { server: Some(self.running.pid()), postmaster: None }
    }

    pub(crate) fn load(&self) -> Load {
        let request = self.target.post("/", "", &[("assertion", &"x".repeat(600))]);
        let sources = vec![Source::Cycle(std::sync::Arc::new(vec![request])); CONNECTIONS];
        Load { target: self.target.clone(), sources, marker: "\"read\"" }
    }
}
