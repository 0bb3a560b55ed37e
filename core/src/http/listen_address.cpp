// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/listen_address.hpp"

#include <fmt/format.h>
#include <netdb.h>

#include <algorithm>
#include <charconv>
#include <system_error>

namespace mesura::http {
namespace {

constexpr std::string_view kExpected = "HOST:PORT, for example 127.0.0.1:8080, [::1]:8080, localhost:8080 or *:8080";

std::string lower(std::string_view text) {
  std::string out{text};
  for (auto& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

bool beyond_loopback(const ListenerOptions& options) {
  return std::any_of(options.listen.begin(), options.listen.end(), [](const auto& text) {
    const auto address = parse_listen_address(text);
    return address && !is_loopback_host(address->host);
  });
}

std::string first_beyond_loopback(const ListenerOptions& options) {
  for (const auto& text : options.listen)
    if (const auto address = parse_listen_address(text); address && !is_loopback_host(address->host)) return text;
  return {};
}

}  // namespace

std::optional<ListenAddress> parse_listen_address(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  auto host = text.substr(0, colon);
  const auto digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    const auto parsed = runtime::SocketAddress::parse(host, port);
    if (!parsed || parsed->family() != AF_INET6) return std::nullopt;
  } else if (host.find_first_of("[]: /\t@#?%") != std::string_view::npos) {
    return std::nullopt;  // an IPv6 address without brackets: its last group would be taken for the port
  }
  return ListenAddress{std::string{host}, port};
}

bool is_loopback_host(std::string_view host) {
  if (host.empty() || host == "*") return false;  // every address; getaddrinfo takes "*" for loopback
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  if (const auto numeric = runtime::SocketAddress::parse(host, 0)) return numeric->is_loopback();
  auto name = lower(host);
  if (name.ends_with('.')) name.pop_back();
  return name == "localhost" || name.ends_with(".localhost");
}

std::optional<ErrorText> refuse_listener(const ListenerOptions& options) {
  if (options.listen.empty())
    return ErrorText{"http-address",
                     fmt::format("listener '{}' has no address", options.name),
                     std::string{kExpected},
                     "nothing",
                     {}};
  for (const auto& text : options.listen)
    if (!parse_listen_address(text))
      return ErrorText{"http-address",
                       fmt::format("listener '{}': bad address", options.name),
                       std::string{kExpected},
                       fmt::format("'{}'", text),
                       {}};
  if (options.anonymous == Role::none || options.allow_unauthenticated || !beyond_loopback(options))
    return std::nullopt;
  return ErrorText{
      "http-open",
      fmt::format("listener '{}' would let everybody on the network {} without login on {}", options.name,
                  options.anonymous == Role::control ? "control devices" : "read", first_beyond_loopback(options)),
      "a loopback address such as 127.0.0.1:8080, or login required", first_beyond_loopback(options),
      "require login (add a user with `mesura user add`, or a token with `mesura token add`), listen on loopback, or "
      "say that it is meant: allow_unauthenticated: true"};
}

std::vector<ErrorText> warn_listener(const ListenerOptions& options) {
  std::vector<ErrorText> warnings;
  if (!beyond_loopback(options)) return warnings;
  if (options.login && !options.tls)
    warnings.push_back({"http-no-tls",
                        fmt::format("listener '{}' takes passwords and tokens in clear text on {}", options.name,
                                    first_beyond_loopback(options)),
                        {},
                        {},
                        "give it a certificate and key (tls), or put a proxy with TLS in front of a loopback address"});
  if (options.anonymous != Role::none)
    warnings.push_back(
        {"http-unauthenticated",
         fmt::format("listener '{}': everybody who reaches {} may {} without login", options.name,
                     first_beyond_loopback(options), options.anonymous == Role::control ? "control devices" : "read"),
         {},
         {},
         {}});
  return warnings;
}

std::vector<runtime::SocketAddress> resolve_listen(const ListenAddress& address) {
  std::vector<runtime::SocketAddress> found;
  if (address.host.empty() || address.host == "*") {
    // One socket takes both families; on a machine without IPv6 it can't be made, and the second is tried.
    found.push_back(*runtime::SocketAddress::parse("::", address.port));
    found.push_back(*runtime::SocketAddress::parse("0.0.0.0", address.port));
    return found;
  }
  if (const auto numeric = runtime::SocketAddress::parse(address.host, address.port)) return {*numeric};
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* list = nullptr;
  const int error = ::getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &list);
  if (error != 0)
    throw ListenError("http-address", fmt::format("can't find the address of '{}': {}\n  expected  {}", address.host,
                                                  ::gai_strerror(error), kExpected));
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    const runtime::SocketAddress one{entry->ai_addr, entry->ai_addrlen};
    // /etc/hosts may say anything of localhost; what was taken for loopback must be.
    if (is_loopback_host(address.host) && !one.is_loopback()) continue;
    if (std::find(found.begin(), found.end(), one) == found.end()) found.push_back(one);
  }
  ::freeaddrinfo(list);
  if (found.empty())
    throw ListenError("http-address", fmt::format("'{}' is no address of this machine's loopback\n  hint      see "
                                                  "/etc/hosts, or write 127.0.0.1",
                                                  address.host));
  return found;
}

std::string text_of(const ErrorText& error) {
  std::string out = error.message;
  if (!error.expected.empty()) out += "\n  expected  " + error.expected;
  if (!error.got.empty()) out += "\n  got       " + error.got;
  if (!error.hint.empty()) out += "\n  hint      " + error.hint;
  return out;
}

}  // namespace mesura::http
