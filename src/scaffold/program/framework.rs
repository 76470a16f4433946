//! The frameworks that are known: their names, how their applications are made, where they answer.

/// A framework that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Framework {
    /// Django.
    Django,
    /// Flask.
    Flask,
    /// FastAPI.
    FastApi,
    /// Starlette.
    Starlette,
    /// Litestar.
    Litestar,
    /// Quart.
    Quart,
    /// aiohttp's server.
    Aiohttp,
    /// Streamlit.
    Streamlit,
}

impl Framework {
    /// All of them; those that others are built upon come after these.
    pub const ALL: [Framework; 8] = [
        Framework::Django,
        Framework::FastApi,
        Framework::Litestar,
        Framework::Quart,
        Framework::Flask,
        Framework::Streamlit,
        Framework::Aiohttp,
        Framework::Starlette,
    ];

    /// As people write it.
    pub fn name(self) -> &'static str {
        match self {
            Framework::Django => "Django",
            Framework::Flask => "Flask",
            Framework::FastApi => "FastAPI",
            Framework::Starlette => "Starlette",
            Framework::Litestar => "Litestar",
            Framework::Quart => "Quart",
            Framework::Aiohttp => "aiohttp",
            Framework::Streamlit => "Streamlit",
        }
    }

    /// The name of its module, and of its package as an index has it.
    pub fn module(self) -> &'static str {
        match self {
            Framework::Django => "django",
            Framework::Flask => "flask",
            Framework::FastApi => "fastapi",
            Framework::Starlette => "starlette",
            Framework::Litestar => "litestar",
            Framework::Quart => "quart",
            Framework::Aiohttp => "aiohttp",
            Framework::Streamlit => "streamlit",
        }
    }

    /// The framework whose application a class makes.
    pub fn of_constructor(class: &str) -> Option<Framework> {
        Some(match class {
            "Flask" | "APIFlask" | "OpenAPI" => Framework::Flask,
            "FastAPI" => Framework::FastApi,
            "Starlette" => Framework::Starlette,
            "Litestar" => Framework::Litestar,
            "Quart" => Framework::Quart,
            _ => return None,
        })
    }

    /// The port that it usually answers on.
    pub fn port(self) -> u16 {
        match self {
            Framework::Streamlit => 8501,
            Framework::Aiohttp => 8080,
            _ => 8000,
        }
    }
}
