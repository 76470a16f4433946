//! The short form of a port: `8000`, `8000:80`, `127.0.0.1:8000-8010:80-90/udp`.

use std::net::IpAddr;

use super::tree::{Map, Node, Span, Value};

/// One published or exposed port.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ShortPort {
    host_ip: String,
    published: String,
    target: u16,
    protocol: &'static str,
}

/// Takes the short form apart; a range of targets is several ports, in Compose's order (that of the numbers' text).
pub(super) fn parse(spec: &str) -> Result<Vec<ShortPort>, String> {
    let parts: Vec<&str> = spec.split(':').collect();
    let (ip, published, target) = match parts.as_slice() {
        [target] => (String::new(), "", *target),
        [published, target] => (String::new(), *published, *target),
        [ip @ .., published, target] => (ip.join(":"), *published, *target),
        [] => (String::new(), "", ""),
    };
    let (target, protocol) = match target.split_once('/') {
        None => (target, "tcp"),
        Some((target, "")) => (target, "tcp"),
        Some((target, protocol)) => (target, protocol.split('/').next().unwrap_or_default()),
    };
    let ip = if ip.starts_with('[') {
        ip.strip_prefix('[').and_then(|ip| ip.strip_suffix(']')).unwrap_or(&ip).to_owned()
    } else {
        ip
    };
    if !ip.is_empty() && ip.parse::<IpAddr>().is_err() {
        return Err(format!("`{ip}` is not an IP address"));
    }
    if target.is_empty() {
        return Err("the container's port is missing".into());
    }
    let (first, last) = range(target)?;
    let host = if published.is_empty() { None } else { Some(range(published)?) };
    if let Some((host_first, host_last)) = host
        && last - first != host_last - host_first
        && first != last
    {
        return Err(format!("the ranges {published} and {target} differ in length"));
    }
    let protocol = match protocol.to_ascii_lowercase().as_str() {
        "tcp" => "tcp",
        "udp" => "udp",
        "sctp" => "sctp",
        _ => return Err(format!("`{protocol}` is not a protocol: expected tcp, udp or sctp")),
    };
    let mut ports: Vec<ShortPort> = (first..=last)
        .map(|target| ShortPort {
            host_ip: ip.clone(),
            published: match host {
                None => String::new(),
                Some((host_first, host_last)) if first == last && host_first != host_last => {
                    format!("{host_first}-{host_last}")
                }
                Some((host_first, _)) => (host_first + (target - first)).to_string(),
            },
            target,
            protocol,
        })
        .collect();
    ports.sort_by_cached_key(|port| port.target.to_string());
    Ok(ports)
}

fn range(text: &str) -> Result<(u16, u16), String> {
    let number = |text: &str| match text.parse::<u16>() {
        Ok(n) if !text.starts_with('+') => Ok(n),
        _ => Err(format!("`{text}` is not a port: expected a number up to 65535")),
    };
    match text.split_once('-') {
        None => number(text).map(|n| (n, n)),
        Some((first, last)) => match (number(first)?, number(last)?) {
            (first, last) if first <= last => Ok((first, last)),
            _ => Err(format!("the range {text} ends before it starts")),
        },
    }
}

impl ShortPort {
    /// The long form, as Compose spells it out.
    pub(super) fn long(&self, span: Span) -> Node {
        let mut map = Map::new();
        map.set("mode", Node::string("ingress", span));
        if !self.host_ip.is_empty() {
            map.set("host_ip", Node::string(self.host_ip.as_str(), span));
        }
        if self.target != 0 {
            map.set("target", Node::new(Value::Int(i64::from(self.target)), span));
        }
        if !self.published.is_empty() {
            map.set("published", Node::string(self.published.as_str(), span));
        }
        map.set("protocol", Node::string(self.protocol, span));
        Node::new(Value::Map(map), span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(spec: &str, expected: &[(&str, &str, u16, &str)]) {
        let ports = parse(spec).unwrap();
        let ports: Vec<_> =
            ports.iter().map(|p| (p.host_ip.as_str(), p.published.as_str(), p.target, p.protocol)).collect();
        assert_eq!(ports, expected, "{spec}");
    }

    #[test]
    fn short_forms_come_apart() {
        check("8000", &[("", "", 8000, "tcp")]);
        check("8000:80/UDP", &[("", "8000", 80, "udp")]);
        check("127.0.0.1::80", &[("127.0.0.1", "", 80, "tcp")]);
        check("[::1]:80:80", &[("::1", "80", 80, "tcp")]);
        check("9000-9001:99-100", &[("", "9001", 100, "tcp"), ("", "9000", 99, "tcp")]);
        check("8000-8010:80", &[("", "8000-8010", 80, "tcp")]);
    }

    #[test]
    fn what_is_no_port_is_refused() {
        for spec in ["", "80:", "abc:80", "70000:80", "8003-8000:80", "80-81:8000-8003", "80/xyz", "300.0.0.1:80:80"] {
            assert!(parse(spec).is_err(), "{spec}");
        }
    }
}
