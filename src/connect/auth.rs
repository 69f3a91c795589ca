//! [`Auth`]: how a call proves who it comes from, read from the manifest.

use std::collections::BTreeMap;

use reqwest::header::HeaderName;

use super::call::{At, Headers};
use super::manifest::auth::{
    AuthSpec, ClientCredentialsSpec, CodeSpec, PasswordSpec, ProofSpec, RefreshSpec, TokenForm,
};
use super::manifest::link::ParameterSpec;
use super::template::{Template, Variables};
use super::{Error, Fault};

/// How a call proves who it comes from.
pub(super) struct Auth {
    pub(super) basic: Option<(Template, Template)>,
    pub(super) headers: Headers,
    pub(super) query: Vec<(String, Template)>,
    pub(super) proof: Option<Proof>,
    /// The first for which everything is entered is meant.
    tokens: Vec<TokenCall>,
    pub(super) code: Option<CodeCall>,
}

/// A parameter of the query that proves a second secret.
pub(super) struct Proof {
    pub(super) parameter: String,
    pub(super) secret: Template,
    pub(super) over: Template,
}

/// How a token is had.
pub(super) struct TokenCall {
    pub(super) url: Template,
    /// Who asks, where that stands in the header of HTTP Basic.
    pub(super) basic: Option<(Template, Template)>,
    /// Who asks, where it stands among the fields.
    pub(super) client: Vec<(String, Template)>,
    /// What is asked with.
    pub(super) fields: Vec<(String, Template)>,
    pub(super) form: TokenForm,
    pub(super) header: HeaderName,
    pub(super) prefix: String,
    /// The parameter that holds the refresh token.
    pub(super) refresh: Option<String>,
    /// Parameters of which all or none are entered.
    pub(super) together: Vec<String>,
}

/// How a refresh token is had.
pub(super) struct CodeCall {
    pub(super) authorize_url: Template,
    pub(super) redirect_url: Template,
    pub(super) pkce: bool,
    pub(super) fields: Vec<(String, Template)>,
}

impl Auth {
    pub(super) fn load(
        spec: AuthSpec,
        parameters: &BTreeMap<String, ParameterSpec>,
        at: At<'_>,
        names: &[&str],
    ) -> Result<Self, Error> {
        let template = |text: &str| at.template(text, names);
        let mut tokens = Vec::new();
        if spec.oauth2_client_credentials.is_some() && spec.oauth2_refresh.is_some() {
            return Err(at.wrong("oauth2_refresh:", "one token is enough; keep one of the two"));
        }
        let has_another = spec.oauth2_client_credentials.is_some() || spec.oauth2_refresh.is_some();
        if let Some(spec) = &spec.oauth2_password {
            let mut call = TokenCall::by_password(spec, at, names)?;
            let optional = |name: &str| parameters.get(name).is_some_and(|known| known.optional);
            let (user, password) = (template(&spec.username)?, template(&spec.password)?);
            let together = user.names().chain(password.names()).filter(|name| optional(name));
            call.together = together.map(str::to_owned).collect();
            if has_another && !user.names().any(optional) {
                let message = "beside another token this one is never asked for or always; make the user `optional`";
                return Err(at.wrong("oauth2_password:", message));
            }
            tokens.push(call);
        }
        if let Some(spec) = &spec.oauth2_client_credentials {
            tokens.push(TokenCall::by_client(spec, at, names)?);
        }
        if let Some(spec) = &spec.oauth2_refresh {
            if !parameters.contains_key(&spec.refresh_token) {
                let message =
                    format!("`{}` is no parameter; name the one that holds the refresh token", spec.refresh_token);
                return Err(at.wrong("refresh_token:", message));
            }
            tokens.push(TokenCall::by_refresh(spec, at, names)?);
        } else if spec.oauth2_code.is_some() {
            let message = "a refresh token comes of a code; say with `oauth2_refresh` how it is used";
            return Err(at.wrong("oauth2_code:", message));
        }
        let basic = spec.basic.map(|basic| Ok::<_, Error>((template(&basic.user)?, template(&basic.password)?)));
        let query = spec.query.iter().map(|(key, text)| Ok((key.clone(), template(text)?)));
        Ok(Self {
            basic: basic.transpose()?,
            headers: Headers::load(&spec.headers, at, names)?,
            query: query.collect::<Result<_, Error>>()?,
            proof: spec.proof.map(|proof| Proof::load(proof, at, names)).transpose()?,
            tokens,
            code: spec.oauth2_code.map(|code| CodeCall::load(&code, at, names)).transpose()?,
        })
    }

    /// How a token is had with what was entered; none if calls carry none.
    ///
    /// # Errors
    /// If of a user and a password one is entered: whoever enters them does not mean the application.
    pub(super) fn token(&self, variables: &Variables) -> Result<Option<&TokenCall>, Fault> {
        for call in &self.tokens {
            let is_entered = |name: &&String| variables.get(*name).is_some_and(|value| !value.is_null());
            let missing = call.together.iter().find(|name| !is_entered(name));
            if let (Some(name), true) = (missing, call.together.iter().any(|name| is_entered(&name))) {
                return Err(Fault::Parameter { name: name.clone(), wrong: "is missing" });
            }
        }
        let has_all = |call: &&TokenCall| call.fields.iter().all(|(_, text)| text.fill(variables).is_some());
        Ok(self.tokens.iter().find(has_all).or_else(|| self.tokens.last()))
    }

    /// How a token is had for a refresh token.
    pub(super) fn refreshing(&self) -> Option<&TokenCall> {
        self.tokens.iter().find(|call| call.refresh.is_some())
    }

    /// The parameter that holds the refresh token.
    pub(super) fn refresh(&self) -> Option<&str> {
        self.refreshing()?.refresh.as_deref()
    }
}

impl Proof {
    fn load(spec: ProofSpec, at: At<'_>, names: &[&str]) -> Result<Self, Error> {
        let (secret, over) = (at.template(&spec.secret, names)?, at.template(&spec.over, names)?);
        Ok(Self { parameter: spec.parameter, secret, over })
    }
}

/// What the ways to a token have in common.
struct Asking<'s> {
    grant: &'s str,
    url: &'s str,
    client: (&'s str, Option<&'s str>),
    basic: bool,
    fields: Vec<(&'s str, String)>,
    more: &'s BTreeMap<String, String>,
    form: TokenForm,
    header: &'s str,
    prefix: &'s str,
}

impl TokenCall {
    fn by_client(spec: &ClientCredentialsSpec, at: At<'_>, names: &[&str]) -> Result<Self, Error> {
        let asking = Asking {
            grant: "client_credentials",
            url: &spec.token_url,
            client: (&spec.client_id, Some(&spec.client_secret)),
            basic: spec.basic,
            fields: spec.scope.iter().map(|scope| ("scope", scope.clone())).collect(),
            more: &spec.fields,
            form: spec.form,
            header: &spec.header,
            prefix: &spec.prefix,
        };
        asking.load(at, names)
    }

    fn by_password(spec: &PasswordSpec, at: At<'_>, names: &[&str]) -> Result<Self, Error> {
        let mut fields = vec![("username", spec.username.clone()), ("password", spec.password.clone())];
        fields.extend(spec.scope.iter().map(|scope| ("scope", scope.clone())));
        let asking = Asking {
            grant: "password",
            url: &spec.token_url,
            client: (&spec.client_id, spec.client_secret.as_deref()),
            basic: spec.basic,
            fields,
            more: &spec.fields,
            form: spec.form,
            header: &spec.header,
            prefix: &spec.prefix,
        };
        asking.load(at, names)
    }

    fn by_refresh(spec: &RefreshSpec, at: At<'_>, names: &[&str]) -> Result<Self, Error> {
        let asking = Asking {
            grant: "refresh_token",
            url: &spec.token_url,
            client: (&spec.client_id, spec.client_secret.as_deref()),
            basic: spec.basic,
            fields: vec![("refresh_token", format!("{{{}}}", spec.refresh_token))],
            more: &spec.fields,
            form: spec.form,
            header: &spec.header,
            prefix: &spec.prefix,
        };
        Ok(Self { refresh: Some(spec.refresh_token.clone()), ..asking.load(at, names)? })
    }
}

impl Asking<'_> {
    fn load(self, at: At<'_>, names: &[&str]) -> Result<TokenCall, Error> {
        let template = |text: &str| at.template(text, names);
        let id = template(self.client.0)?;
        let secret = self.client.1.map(template).transpose()?;
        let (mut basic, mut client) = (None, Vec::new());
        match (self.basic, secret) {
            (true, Some(secret)) => basic = Some((id, secret)),
            (true, None) => return Err(at.wrong("basic:", "HTTP Basic needs the secret too; add `client_secret`")),
            (false, secret) => {
                client.push(("client_id".to_owned(), id));
                client.extend(secret.map(|secret| ("client_secret".to_owned(), secret)));
            }
        }
        let mut fields = vec![("grant_type".to_owned(), template(self.grant)?)];
        for (name, text) in &self.fields {
            fields.push(((*name).to_owned(), template(text)?));
        }
        for (name, text) in self.more {
            fields.push((name.clone(), template(text)?));
        }
        let header = HeaderName::from_bytes(self.header.as_bytes());
        Ok(TokenCall {
            url: template(self.url)?,
            basic,
            client,
            fields,
            form: self.form,
            header: header.map_err(|_| at.wrong(self.header, "this is no name of a header"))?,
            prefix: self.prefix.to_owned(),
            refresh: None,
            together: Vec::new(),
        })
    }
}

impl CodeCall {
    fn load(spec: &CodeSpec, at: At<'_>, names: &[&str]) -> Result<Self, Error> {
        let mut fields = Vec::new();
        for (name, text) in &spec.fields {
            if ["response_type", "client_id", "redirect_uri", "state", "code_challenge"].contains(&name.as_str()) {
                return Err(at.wrong(name, format!("`{name}` stands in the address already; leave it out")));
            }
            fields.push((name.clone(), at.template(text, names)?));
        }
        if let Some(scope) = &spec.scope {
            fields.push(("scope".to_owned(), at.template(scope, names)?));
        }
        Ok(Self {
            authorize_url: at.template(&spec.authorize_url, names)?,
            redirect_url: at.template(&spec.redirect_url, names)?,
            pkce: spec.pkce,
            fields,
        })
    }
}
