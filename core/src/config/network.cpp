// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "config/network.hpp"

#include "config/text.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace mesura::config {
namespace {

bool digit(char c) { return c >= '0' && c <= '9'; }
bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool ipv4(const std::string& text) {
  in_addr parsed{};
  return inet_pton(AF_INET, text.c_str(), &parsed) == 1;
}

bool ipv6(std::string_view text) {
  // A zone index ("fe80::1%eth0") is no part of the address itself.
  const std::string address(text.substr(0, text.find('%')));
  in6_addr parsed{};
  return inet_pton(AF_INET6, address.c_str(), &parsed) == 1;
}

bool host_label(std::string_view label) {
  const auto character = [](char c) { return letter(c) || digit(c) || c == '-' || c == '_'; };
  return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
         std::all_of(label.begin(), label.end(), character);
}

bool host_name(std::string_view text) {
  if (!text.empty() && text.back() == '.') text.remove_suffix(1);
  if (text.empty() || text.size() > 253) return false;
  while (true) {
    const std::size_t dot = text.find('.');
    if (!host_label(text.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

/// The port, or -1.
int parse_port(std::string_view text) {
  int port = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  const bool plain = !text.empty() && digit(text.front()) && (text.size() == 1 || text.front() != '0');
  return plain && error == std::errc{} && end == text.data() + text.size() && port <= 65535 ? port : -1;
}

struct Parts {
  std::string_view host;
  std::string_view port;
  bool has_port = false;
  bool bracketed = false;
};

/// Splits at the last ':' outside brackets; nothing where the brackets are broken.
std::optional<Parts> split(std::string_view text) {
  Parts parts;
  if (!text.empty() && text.front() == '[') {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return {};
    parts.bracketed = true;
    parts.host = text.substr(1, close - 1);
    text.remove_prefix(close + 1);
    if (text.empty()) return parts;
    if (text.front() != ':') return {};
    parts.has_port = true;
    parts.port = text.substr(1);
    return parts;
  }
  const std::size_t colon = text.rfind(':');
  parts.host = text.substr(0, colon);
  if (colon != std::string_view::npos) {
    parts.has_port = true;
    parts.port = text.substr(colon + 1);
  }
  return parts;
}

std::optional<NetworkProblem> problem(std::string code, std::string message, std::string hint = {}) {
  return NetworkProblem{std::move(code), std::move(message), std::move(hint)};
}

std::optional<NetworkProblem> check_parts(const Parts& parts, int lowest_port) {
  if (parts.bracketed) {
    if (!ipv6(parts.host)) return problem("cfg-host", "has no IPv6 address in its brackets");
  } else if (auto bad = check_host(parts.host)) {
    if (parts.host.find(':') != std::string_view::npos)
      bad->hint = "an IPv6 address with a port needs brackets: [::1]:8080";
    return bad;
  } else if (parts.host.find(':') != std::string_view::npos) {
    return problem("cfg-host", "is ambiguous", "an IPv6 address with a port needs brackets: [::1]:8080");
  }
  if (!parts.has_port) return {};
  const int port = parse_port(parts.port);
  if (port < lowest_port)
    return problem("cfg-port", "has a port that does not exist", fmt::format("ports go from {} to 65535", lowest_port));
  return {};
}

}  // namespace

std::optional<NetworkProblem> check_host(std::string_view text) {
  const std::string owned(text);
  if (ipv4(owned) || ipv6(text)) return {};
  if (text.find("://") != std::string_view::npos)
    return problem("cfg-host", "is a URL, not a host", "only the host goes here");
  if (text.find(':') != std::string_view::npos && text.find('[') == std::string_view::npos && split(text) &&
      host_name(split(text)->host))
    return problem("cfg-host", "is no host", "a port goes into a key of its own");
  if (!text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return digit(c) || c == '.'; }))
    return problem("cfg-host", "is no IPv4 address");
  if (!host_name(text)) return problem("cfg-host", "is no host");
  return {};
}

std::optional<NetworkProblem> check_address(std::string_view text) {
  const auto parts = split(text);
  if (!parts) return problem("cfg-address", "is no address");
  if (parts->host.empty() && parts->has_port)
    return problem("cfg-address", "has no host", fmt::format("0.0.0.0:{} listens on every interface", parts->port));
  if (!parts->has_port) return problem("cfg-address", "has no port");
  return check_parts(*parts, 0);
}

std::optional<NetworkProblem> check_url(std::string_view text, const std::vector<std::string>& schemes) {
  const std::size_t mark = text.find("://");
  if (mark == std::string_view::npos || mark == 0) return problem("cfg-url", "has no scheme");
  const std::string scheme(text.substr(0, mark));
  const auto scheme_character = [](char c) { return letter(c) || digit(c) || c == '+' || c == '-' || c == '.'; };
  if (!letter(scheme.front()) || !std::all_of(scheme.begin(), scheme.end(), scheme_character))
    return problem("cfg-url", "has no scheme");
  if (!schemes.empty() && std::find(schemes.begin(), schemes.end(), scheme) == schemes.end())
    return problem("cfg-url", "has the wrong scheme", did_you_mean(scheme, schemes));
  if (std::any_of(text.begin(), text.end(), [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }))
    return problem("cfg-url", "has a blank in it", "write %20");
  std::string_view rest = text.substr(mark + 3);
  rest = rest.substr(0, rest.find_first_of("/?#"));
  if (const std::size_t at = rest.rfind('@'); at != std::string_view::npos) rest.remove_prefix(at + 1);
  const auto parts = split(rest);
  if (!parts || parts->host.empty()) return problem("cfg-url", "has no host");
  return check_parts(*parts, 1);
}

std::optional<Endpoint> split_address(std::string_view text) {
  if (check_address(text)) return {};
  const auto parts = split(text);
  return Endpoint{std::string(parts->host), static_cast<std::uint16_t>(parse_port(parts->port))};
}

}  // namespace mesura::config
