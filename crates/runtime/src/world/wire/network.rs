//! What kind of network an address is in.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Who can be at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Network {
    /// Anybody: the internet.
    Public,
    /// This machine, or one in a private network.
    Private,
    /// Nobody that a request is ever meant for.
    Never,
}

impl Network {
    pub(super) fn of(address: IpAddr) -> Network {
        match address {
            IpAddr::V4(address) => of_v4(address),
            IpAddr::V6(address) => of_v6(address),
        }
    }
}

/// The special-purpose addresses of RFC 6890 and its registry.
fn of_v4(address: Ipv4Addr) -> Network {
    match address.octets() {
        // Clouds other than those at 169.254.169.254 keep their credentials at these.
        [100, 100, 100, 200] | [168, 63, 129, 16] => Network::Never,
        // "This network": Linux takes 0.0.0.0 for itself. Link-local. Multicast, reserved, broadcast.
        [0, ..] | [169, 254, ..] | [224..=255, ..] => Network::Never,
        [127, ..] | [10, ..] | [192, 168, ..] | [172, 16..=31, ..] => Network::Private,
        // Behind a carrier's address translation; benchmarks.
        [100, 64..=127, ..] | [198, 18..=19, ..] => Network::Private,
        // For protocols, for documents, and the relay of 6to4.
        [192, 0, 0 | 2, _] | [198, 51, 100, _] | [203, 0, 113, _] | [192, 88, 99, _] => Network::Never,
        _ => Network::Public,
    }
}

fn of_v6(address: Ipv6Addr) -> Network {
    let segments = address.segments();
    let [.., high, low] = segments;
    let inner = |high: u16, low: u16| of_v4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)));
    match segments {
        [0, 0, 0, 0, 0, 0, 0, 1] => Network::Private,
        // An address of IPv4 in one of IPv6: mapped, compatible, translated (also locally), and by way of 6to4.
        [0, 0, 0, 0, 0, 0xffff, ..] | [0, 0, 0, 0, 0xffff, 0, ..] => inner(high, low),
        [0x64, 0xff9b, 0, 0, 0, 0, ..] | [0x64, 0xff9b, 1, ..] => inner(high, low),
        [0x2002, high, low, ..] => inner(high, low),
        [0, 0, 0, 0, 0, 0, ..] => Network::Never,
        // Where a cloud keeps the credentials of its machines.
        [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254] => Network::Never,
        [0xfc00..=0xfdff, ..] => Network::Private,
        // Teredo, ORCHID and others of 2001::/23; documents.
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Network::Never,
        // All that is given out. Link-local, site-local and multicast are not in it.
        [0x2000..=0x3fff, ..] => Network::Public,
        _ => Network::Never,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_special_address_is_known_in_each_of_its_spellings() {
        use Network::{Never, Private, Public};
        let table = [
            ("8.8.8.8", Public),
            ("172.15.255.255", Public),
            ("172.32.0.0", Public),
            ("100.63.255.255", Public),
            ("100.128.0.0", Public),
            ("223.255.255.255", Public),
            ("127.0.0.1", Private),
            ("127.255.255.254", Private),
            ("10.255.0.1", Private),
            ("172.16.0.1", Private),
            ("172.31.255.255", Private),
            ("192.168.1.1", Private),
            ("100.64.0.1", Private),
            ("100.127.255.255", Private),
            ("0.0.0.0", Never),
            ("0.1.2.3", Never),
            ("169.254.169.254", Never),
            ("100.100.100.200", Never),
            ("168.63.129.16", Never),
            ("192.0.2.7", Never),
            ("224.0.0.1", Never),
            ("255.255.255.255", Never),
            ("2606:4700::1111", Public),
            ("::1", Private),
            ("fd12:3456::1", Private),
            ("fd00:ec2::254", Never),
            ("::", Never),
            ("fe80::1", Never),
            ("fec0::1", Never),
            ("ff02::1", Never),
            ("2001:db8::1", Never),
            ("2001:0:4136:e378::1", Never),
            ("::ffff:8.8.8.8", Public),
            ("::ffff:127.0.0.1", Private),
            ("::ffff:169.254.169.254", Never),
            ("::127.0.0.1", Never),
            ("::ffff:0:10.0.0.1", Private),
            ("64:ff9b::10.0.0.1", Private),
            ("64:ff9b::8.8.8.8", Public),
            ("64:ff9b:1::a9fe:a9fe", Never),
            ("2002:7f00:1::", Private),
            ("2002:808:808::1", Public),
        ];
        for (address, network) in table {
            assert_eq!(Network::of(address.parse().unwrap()), network, "{address}");
        }
    }
}
