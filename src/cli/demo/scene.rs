//! The scene: a folder with certificates, policies and a postern.toml, the
//! stand-ins, and the gateway between them, all on loopback with ports that
//! were free.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use tempfile::TempDir;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    authorities::{Authority, Standing},
    letters::MailServer,
    officer::Officer,
    policies,
    stand_in::StandIn,
    watch::Watch,
};
use crate::{
    cli::{exit::Failure, files},
    config::Config,
    gateway::{Gateway, StartError},
    mail::{Observer, Timestamp},
    observe::{Audit, AuditSettings, Metrics, Observatory},
    policy::{Policy, Sources},
};

pub(super) struct Scene {
    pub(super) watch: Arc<Watch>,
    /// As the gateway has it, for the names of levels and the like.
    pub(super) policy: Policy,
    /// How those are named from which it was made.
    pub(super) policies: String,
    pub(super) mail_server: MailServer,
    pub(super) stand_ins: Vec<(Place, SocketAddr)>,
    smtp: SocketAddr,
    gateway: Gateway,
    observatory: Arc<Observatory>,
    world: TaskTracker,
    world_stop: CancellationToken,
    officer: Officer,
    folder: TempDir,
}

/// Where people of the demo have their mailboxes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) domain: &'static str,
    pub(super) what: &'static str,
    standing: Standing,
}

impl Place {
    /// Everything that has no place of its own is out on the internet.
    fn route(self) -> &'static str {
        match self.standing {
            Standing::SelfSigned => "*",
            Standing::Good | Standing::Expired => self.domain,
        }
    }

    fn host(self) -> String {
        format!("mx.{}", self.domain)
    }
}

impl Scene {
    /// Builds and starts everything. `given` are policies instead of the
    /// shipped ones.
    pub(super) async fn start(given: Option<&Sources>) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("postern-demo-").tempdir()?;
        let authority = Authority::new(&folder.path().join("certs"))?;
        policies::write(&folder.path().join("policies"), given)?;
        let watch = Arc::new(Watch::default());
        let (world, world_stop) = (TaskTracker::new(), CancellationToken::new());
        let mut stand_ins = Vec::new();
        for place in PLACES {
            let stand_in = StandIn {
                host: place.host().parse().map_err(Failure::unavailable)?,
                certificate: authority.certificate(&place.host(), place.standing)?,
                spool: &folder.path().join("world").join(place.domain),
            };
            stand_ins.push((place, stand_in.start(&watch, &world, &world_stop).await?));
        }
        let officer = Officer::appoint(&folder.path().join("accounts.toml"))?;
        let config = configuration(folder.path(), &authority, &stand_ins)?;
        let policy = files::policy(
            &config.node.policies,
            &config.node.local_domains,
            Timestamp::from(SystemTime::now()),
        )?;
        let name = config.node.name.clone();
        let (gateway, observatory) = start_gateway(config, &watch).await?;
        let tag_line = policy
            .disclaimer("nhs")
            .map(|tag_line| tag_line.filled(&[], policy.default_organisation(), ""));
        let smtp = smtp(&gateway)?;
        let mail_server = MailServer::new(
            smtp,
            name,
            authority.trust_anchors.clone(),
            tag_line.as_ref().map_or("", |tag_line| &tag_line.plain),
        )?;
        Ok(Self {
            watch,
            policy,
            policies: given.map_or("as shipped", Sources::name).to_owned(),
            mail_server,
            stand_ins,
            smtp,
            gateway,
            observatory,
            world,
            world_stop,
            officer,
            folder,
        })
    }

    pub(super) fn smtp_address(&self) -> SocketAddr {
        self.smtp
    }

    pub(super) fn metrics(&self) -> SocketAddr {
        self.gateway.metrics()
    }

    pub(super) fn console(&self) -> Option<SocketAddr> {
        self.gateway.console()
    }

    /// Who may sign in there.
    pub(super) fn officer(&self) -> &Officer {
        &self.officer
    }

    pub(super) fn control_socket(&self) -> &Path {
        &self.gateway.config().node.control_socket
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// In the order of the mail: nobody is left talking to nobody. The folder
    /// goes last.
    pub(super) async fn stop(self) {
        self.gateway.stop().await;
        self.observatory.close();
        self.world_stop.cancel();
        self.world.close();
        self.world.wait().await;
    }
}

async fn start_gateway(
    config: Config,
    watch: &Arc<Watch>,
) -> Result<(Gateway, Arc<Observatory>), Failure> {
    let audit = Audit::open(AuditSettings::of(&config)).map_err(Failure::unavailable)?;
    let metrics = Metrics::new().map_err(Failure::unavailable)?;
    let observatory = Arc::new(Observatory::new(metrics, audit));
    let watchers = vec![Arc::clone(watch) as Arc<dyn Observer>];
    let gateway =
        Gateway::start(config, Arc::clone(&observatory), watchers).await.map_err(|error| {
            match error {
                StartError::Policy(diagnostics) | StartError::Users(diagnostics) => {
                    files::show(&diagnostics);
                    Failure::configuration(files::faults(&diagnostics))
                }
                other => Failure::unavailable(other),
            }
        })?;
    Ok((gateway, observatory))
}

fn smtp(gateway: &Gateway) -> Result<SocketAddr, Failure> {
    let address = gateway.addresses().first().map(|(_, address)| *address);
    address.ok_or_else(|| Failure::unavailable("the gateway has no listener"))
}

/// Writes postern.toml as an operator would, and reads it as `postern run`
/// does.
fn configuration(
    folder: &Path,
    authority: &Authority,
    stand_ins: &[(Place, SocketAddr)],
) -> Result<Config, Failure> {
    let certificate = authority.certificate(NAME, Standing::Good)?;
    let mut text = POSTERN_TOML
        .replace("{name}", NAME)
        .replace("{certificate}", &shown(&certificate.chain))
        .replace("{key}", &shown(&certificate.key));
    for (place, address) in stand_ins {
        text.push_str(&format!(
            "\n[[route]]\ndomain = \"{}\"\nnext_hop = \"smtp://{address}\"\n",
            place.route()
        ));
        text.push_str(&format!("trust_anchors = \"{}\"\n", shown(&authority.trust_anchors)));
    }
    for (selector, key) in authority.signing_keys()? {
        text.push_str(&format!(
            "\n[[signing.key]]\ndomain = \"{HOSPITAL}\"\nselector = \"{selector}\"\nfile = \"{}\"\n",
            shown(&key)
        ));
    }
    let path: PathBuf = folder.join("postern.toml");
    fs::write(&path, text)?;
    files::configuration(&path)
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

pub(super) const HOSPITAL: &str = "hospital.test.example";
const NAME: &str = "gateway.hospital.test.example";

/// Short delays: what waits is to be seen waiting, and its sender told, in
/// the time of a demonstration.
const POSTERN_TOML: &str = r#"[node]
name = "{name}"
data_dir = "data"
policies = "policies"
local_domains = ["hospital.test.example"]
control_socket = "control.sock"

[spool]
ephemeral = "allow"

[[listener]]
name = "mailboxes"
address = "127.0.0.1:0"
direction = "outbound"
tls = "starttls"
certificate = "{certificate}"
key = "{key}"
clients = ["127.0.0.0/8"]

[retry]
delays = ["2s", "15s", "1m"]
expiry = "1h"
delay_notice = "1s"

[limits]
stop_grace = "2s"

[metrics]
address = "127.0.0.1:0"

[console]
address = "127.0.0.1:0"
accounts = "accounts.toml"
second_factor = "optional"
"#;

const PLACES: [Place; 4] = [
    Place {
        domain: "council.gov.test.example",
        what: "an approved domain, with good TLS",
        standing: Standing::Good,
    },
    Place {
        domain: "prison.gov.test.example",
        what: "an approved domain, its certificate expired",
        standing: Standing::Expired,
    },
    Place {
        domain: "webmail.test.example",
        what: "the open internet, its certificate its own",
        standing: Standing::SelfSigned,
    },
    Place {
        domain: HOSPITAL,
        what: "the senders' own mailboxes, where notices go",
        standing: Standing::Good,
    },
];
