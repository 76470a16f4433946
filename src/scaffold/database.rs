//! Databases and caches that the project's packages talk to, and the services that stand for them while developing.

use std::collections::BTreeMap;

use super::{Chosen, install::Packages};

/// A kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// PostgreSQL.
    Postgres,
    /// MySQL.
    Mysql,
    /// Redis.
    Redis,
}

/// Account, database and default password of the services. They are reached from inside the project's network only.
const NAME: &str = "app";

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 3] = [Kind::Postgres, Kind::Mysql, Kind::Redis];

    /// As `--with` names it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Postgres => "postgres",
            Kind::Mysql => "mysql",
            Kind::Redis => "redis",
        }
    }

    /// As people call it.
    pub fn title(self) -> &'static str {
        match self {
            Kind::Postgres => "PostgreSQL",
            Kind::Mysql => "MySQL",
            Kind::Redis => "Redis",
        }
    }

    /// The one of that name.
    pub fn named(name: &str) -> Option<Kind> {
        match name.to_ascii_lowercase().as_str() {
            "postgres" | "postgresql" | "pg" => Some(Kind::Postgres),
            "mysql" => Some(Kind::Mysql),
            "redis" => Some(Kind::Redis),
            _ => None,
        }
    }

    /// The image's tag where none is asked for.
    fn default_tag(self) -> &'static str {
        match self {
            Kind::Postgres => "15",
            Kind::Mysql => "8.4",
            Kind::Redis => "7",
        }
    }

    /// The service's name, which is its host name as well.
    pub fn service(self) -> &'static str {
        match self {
            Kind::Postgres => "db",
            Kind::Mysql => "mysql",
            Kind::Redis => "redis",
        }
    }

    /// The driver that a project of today would take.
    pub fn driver(self) -> &'static str {
        match self {
            Kind::Postgres => "psycopg[binary]",
            Kind::Mysql => "pymysql",
            Kind::Redis => "redis",
        }
    }

    fn port(self) -> u16 {
        match self {
            Kind::Postgres => 5432,
            Kind::Mysql => 3306,
            Kind::Redis => 6379,
        }
    }

    /// The variable of the compose file that has its password.
    pub fn password(self) -> Option<&'static str> {
        match self {
            Kind::Postgres => Some("POSTGRES_PASSWORD"),
            Kind::Mysql => Some("MYSQL_PASSWORD"),
            Kind::Redis => None,
        }
    }

    /// Whether a package, with these extras, is a driver of it, or brings one.
    fn driven_by(self, package: &str, extras: &[String]) -> bool {
        let extra = |names: &[&str]| extras.iter().any(|extra| names.contains(&extra.as_str()));
        match self {
            Kind::Postgres => {
                let drivers = ["psycopg", "psycopg-binary", "psycopg-c", "psycopg2", "psycopg2-binary", "psycopg2cffi"];
                let others = ["asyncpg", "pg8000", "aiopg", "postgres", "py-postgresql", "sqlalchemy-cockroachdb"];
                drivers.contains(&package)
                    || others.contains(&package)
                    || extra(&["asyncpg", "postgres", "postgresql", "psycopg", "psycopg2", "postgresql-asyncpg"])
            }
            Kind::Mysql => {
                ["mysqlclient", "pymysql", "mysql-connector-python", "aiomysql", "asyncmy"].contains(&package)
                    || extra(&["mysql", "pymysql", "aiomysql", "asyncmy"])
            }
            Kind::Redis => {
                let clients =
                    ["redis", "django-redis", "rq", "django-rq", "hiredis", "aioredis", "arq", "channels-redis"];
                clients.contains(&package) || extra(&["redis"])
            }
        }
    }

    /// The address, for a driver of SQLAlchemy's where the project uses that.
    fn url(self, packages: &Packages) -> String {
        let alchemy = ["sqlalchemy", "sqlmodel", "flask-sqlalchemy"].iter().any(|name| packages.has(name));
        let scheme = match self {
            Kind::Redis => return format!("redis://{}:{}/0", self.service(), self.port()),
            Kind::Postgres if alchemy && packages.has("asyncpg") => "postgresql+asyncpg",
            Kind::Postgres if alchemy && packages.has("psycopg") => "postgresql+psycopg",
            Kind::Postgres if alchemy && packages.has("pg8000") => "postgresql+pg8000",
            Kind::Postgres => "postgresql",
            Kind::Mysql if alchemy && packages.has("aiomysql") => "mysql+aiomysql",
            Kind::Mysql if alchemy && packages.has("asyncmy") => "mysql+asyncmy",
            Kind::Mysql if alchemy && packages.has("pymysql") => "mysql+pymysql",
            Kind::Mysql => "mysql",
        };
        format!("{scheme}://{NAME}:{}@{}:{}/{NAME}", self.secret(), self.service(), self.port())
    }

    fn secret(self) -> String {
        self.password().map_or_else(String::new, |variable| format!("${{{variable}:-{NAME}}}"))
    }

    /// The value of a variable that names a part of the address: `DB_HOST`, `POSTGRES_USER`, `REDIS_URL`. None for any other.
    fn value(self, variable: &str, packages: &Packages) -> Option<String> {
        const URLS: [&str; 4] = ["URL", "URI", "DSN", "BACKEND"];
        let name = variable.strip_prefix("SQLALCHEMY_").filter(|_| self != Kind::Redis).unwrap_or(variable);
        let prefixes: &[&str] = match self {
            Kind::Postgres => &["DATABASE", "DB", "POSTGRES", "POSTGRESQL", "PG", "SQL"],
            Kind::Mysql => &["DATABASE", "DB", "MYSQL", "MARIADB", "SQL"],
            Kind::Redis => &["REDIS", "CACHE", "CELERY_BROKER", "CELERY_RESULT", "BROKER", "RQ_REDIS"],
        };
        let part =
            prefixes.iter().filter_map(|prefix| name.strip_prefix(prefix)).map(|rest| rest.trim_start_matches('_'));
        let part = part.min_by_key(|part| part.len())?;
        match part {
            part if URLS.contains(&part) => Some(self.url(packages)),
            "HOST" | "HOSTNAME" | "SERVER" => Some(self.service().to_owned()),
            "PORT" => Some(self.port().to_string()),
            _ if self == Kind::Redis => None,
            "NAME" | "DB" | "DATABASE" | "DBNAME" => Some(NAME.to_owned()),
            "USER" | "USERNAME" => Some(NAME.to_owned()),
            "PASSWORD" | "PASS" | "PASSWD" => Some(self.secret()),
            _ => None,
        }
    }
}

/// A database that gets a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// What.
    pub kind: Kind,
    /// The tag of its image.
    pub tag: String,
    /// A driver is declared.
    pub driver: bool,
    /// Why it is there.
    pub because: String,
}

impl Database {
    /// Its image.
    pub fn image(&self) -> String {
        format!("{}:{}", self.kind.name(), self.tag)
    }

    /// Its lines below `services:`, without the project's own.
    pub fn service(&self) -> String {
        let (image, service) = (self.image(), self.kind.service());
        let (environment, folder, probe) = match self.kind {
            Kind::Postgres => (
                format!(
                    "      POSTGRES_USER: {NAME}\n      POSTGRES_PASSWORD: {}\n      POSTGRES_DB: {NAME}\n",
                    self.kind.secret()
                ),
                // From 18 on the image keeps each major version in a folder of its own below.
                if self.major().is_some_and(|major| major >= 18) {
                    "/var/lib/postgresql"
                } else {
                    "/var/lib/postgresql/data"
                },
                format!("[\"CMD\", \"pg_isready\", \"-h\", \"127.0.0.1\", \"-U\", \"{NAME}\"]"),
            ),
            Kind::Mysql => (
                format!(
                    "      MYSQL_USER: {NAME}\n      MYSQL_PASSWORD: {secret}\n      MYSQL_DATABASE: {NAME}\n      MYSQL_RANDOM_ROOT_PASSWORD: \"yes\"\n",
                    secret = self.kind.secret()
                ),
                "/var/lib/mysql",
                "[\"CMD\", \"mysqladmin\", \"ping\", \"-h\", \"127.0.0.1\", \"--silent\"]".to_owned(),
            ),
            Kind::Redis => (String::new(), "/data", "[\"CMD\", \"redis-cli\", \"ping\"]".to_owned()),
        };
        let environment = if environment.is_empty() { environment } else { format!("    environment:\n{environment}") };
        let over_tcp = match self.kind {
            Kind::Redis => "",
            _ => "      # Over TCP: while it sets up its files, the image answers on the socket only.\n",
        };
        format!(
            "  {service}:\n    image: {image}\n{environment}    volumes:\n      - {service}:{folder}\n    healthcheck:\n{over_tcp}      \
             test: {probe}\n      interval: 2s\n      timeout: 3s\n      retries: 30\n"
        )
    }

    fn major(&self) -> Option<u32> {
        self.tag.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    }
}

/// The databases that the declared packages talk to: each with the package that says so, and its place.
pub fn offered(packages: &Packages) -> Vec<Chosen<Kind>> {
    let found = Kind::ALL.into_iter().filter_map(|kind| {
        let (package, place) = packages.iter().find(|(package, _)| kind.driven_by(&package.name, &package.extras))?;
        Some(Chosen::new(kind, format!("{} in {place}", package.display_name())))
    });
    found.collect()
}

/// One that was asked for or agreed to. `tag` as in `--with postgres:16`.
pub fn database(kind: Kind, tag: Option<&str>, offered: &[Chosen<Kind>]) -> Database {
    let because = offered.iter().find(|offer| offer.value == kind).map(|offer| offer.because.clone());
    Database {
        kind,
        tag: tag.unwrap_or(kind.default_tag()).to_owned(),
        driver: because.is_some(),
        because: because.unwrap_or_else(|| "--with".to_owned()),
    }
}

/// The variables by which the program finds its databases: one with the whole address each, and those that the source reads.
pub fn environment<'v>(
    databases: &[Database],
    variables: impl Iterator<Item = &'v str> + Clone,
    packages: &Packages,
) -> BTreeMap<String, String> {
    let mut environment = BTreeMap::new();
    for database in databases {
        let usual = if database.kind == Kind::Redis { "REDIS_URL" } else { "DATABASE_URL" };
        environment.insert(usual.to_owned(), database.kind.url(packages));
        for variable in variables.clone() {
            if let Some(value) = database.kind.value(variable, packages) {
                environment.entry(variable.to_owned()).or_insert(value);
            }
        }
    }
    environment
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packages(text: &str) -> Packages {
        Packages::of_requirements(text)
    }

    #[test]
    fn drivers_are_known() {
        let check = |text: &str, expected: &[(Kind, &str)]| {
            let found = offered(&packages(text));
            let found: Vec<(Kind, &str)> = found.iter().map(|offer| (offer.value, offer.because.as_str())).collect();
            assert_eq!(found, expected, "{text}");
        };
        check("flask\n", &[]);
        check("flask\npsycopg[binary]>=3\n", &[(Kind::Postgres, "psycopg[binary] in requirements.txt:2")]);
        for driver in ["psycopg2-binary==2.9", "asyncpg", "pg8000", "databases[postgresql]", "tortoise-orm[asyncpg]"] {
            assert_eq!(offered(&packages(driver))[0].value, Kind::Postgres, "{driver}");
        }
        for driver in ["redis", "celery[redis]", "rq", "django-redis", "arq"] {
            assert_eq!(offered(&packages(driver))[0].value, Kind::Redis, "{driver}");
        }
        for driver in ["mysqlclient", "PyMySQL", "aiomysql"] {
            assert_eq!(offered(&packages(driver))[0].value, Kind::Mysql, "{driver}");
        }
        check("celery\nfakeredis\n", &[]);
    }

    #[test]
    fn the_variables_that_the_source_reads_are_set() {
        let databases = [database(Kind::Postgres, None, &[]), database(Kind::Redis, Some("7.2"), &[])];
        let names = ["DB_HOST", "POSTGRES_PASSWORD", "PGUSER", "DB_NAME", "CELERY_BROKER_URL", "DEBUG", "DB_SSLMODE"];
        let environment = environment(&databases, names.into_iter(), &packages("sqlalchemy\npsycopg\n"));
        let shown: Vec<String> = environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(
            shown,
            [
                "CELERY_BROKER_URL=redis://redis:6379/0",
                "DATABASE_URL=postgresql+psycopg://app:${POSTGRES_PASSWORD:-app}@db:5432/app",
                "DB_HOST=db",
                "DB_NAME=app",
                "PGUSER=app",
                "POSTGRES_PASSWORD=${POSTGRES_PASSWORD:-app}",
                "REDIS_URL=redis://redis:6379/0",
            ]
        );
    }

    #[test]
    fn newer_postgres_keeps_its_data_elsewhere() {
        let folder = |tag| database(Kind::Postgres, Some(tag), &[]).service().contains("/var/lib/postgresql/data");
        assert!(folder("15") && folder("17.2-bookworm") && !folder("18") && !folder("18.1"));
    }
}
