//! Networks in CIDR notation, for listeners' `clients`.

use std::{net::IpAddr, str::FromStr};

/// An address and how many of its leading bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a network is an address with an optional prefix length (`10.0.0.0/8`), found `{0}`")]
pub struct NetworkError(String);

impl Network {
    /// IPv4 clients on an IPv6 socket count as what they are.
    pub fn contains(&self, client: IpAddr) -> bool {
        match (self.address, client.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(client)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0);
                network.to_bits() & mask == client.to_bits() & mask
            }
            (IpAddr::V6(network), IpAddr::V6(client)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0);
                network.to_bits() & mask == client.to_bits() & mask
            }
            _ => false,
        }
    }

    /// More than anybody has for themselves: wider than the /8 of 10.0.0.0, or
    /// than a /16 of IPv6 that the Internet reaches.
    pub fn is_wide(&self) -> bool {
        match self.address {
            IpAddr::V4(_) => self.prefix < 8,
            IpAddr::V6(network) => {
                let is_private = network.is_unique_local() && self.prefix >= 7
                    || network.is_unicast_link_local() && self.prefix >= 10;
                self.prefix < 16 && !is_private
            }
        }
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(written: &str) -> Result<Self, NetworkError> {
        let wrong = || NetworkError(written.to_owned());
        let (address, prefix) = match written.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (written, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let widest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(prefix) => prefix.parse().map_err(|_| wrong())?,
            None => widest,
        };
        if prefix > widest {
            return Err(wrong());
        }
        Ok(Self { address, prefix })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(network: &str, client: &str) -> bool {
        network.parse::<Network>().unwrap().contains(client.parse().unwrap())
    }

    #[test]
    fn a_network_holds_its_own_addresses_and_no_others() {
        assert!(contains("10.0.0.0/8", "10.255.0.1"));
        assert!(!contains("10.0.0.0/8", "11.0.0.1"));
        assert!(contains("0.0.0.0/0", "192.0.2.1"));
        assert!(!contains("0.0.0.0/0", "2001:db8::1"));
        assert!(contains("2001:db8::/32", "2001:db8:1::1"));
        assert!(contains("127.0.0.1", "::ffff:127.0.0.1"));
    }

    #[test]
    fn a_network_is_wide_where_nobody_has_as_much_for_themselves() {
        let is_wide = |network: &str| network.parse::<Network>().unwrap().is_wide();
        for wide in ["0.0.0.0/0", "128.0.0.0/1", "10.0.0.0/7", "::/0", "2000::/3", "fc00::/6"] {
            assert!(is_wide(wide), "{wide}");
        }
        for narrow in ["10.0.0.0/8", "192.0.2.1", "2001:db8::/32", "fc00::/7", "fe80::/10", "::1"] {
            assert!(!is_wide(narrow), "{narrow}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for wrong in ["", "10.0.0.0/33", "10.0.0/8", "::/129", "a/8", "10.0.0.0/"] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong:?} was accepted");
        }
    }
}
