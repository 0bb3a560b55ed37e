// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "config/http_section.hpp"

#include "config/network.hpp"
#include "config/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace mesura::config {

namespace {

std::vector<std::string> texts(const Value& list) {
  std::vector<std::string> out;
  if (!list) return out;
  for (const auto& v : list.list())
    if (v) out.push_back(v.text());
  return out;
}

Schema limits_schema() {
  return object(
      {optional("points", integer("windows of one series in one answer", 100, 1'000'000), "100000"),
       optional("series", integer("series in one answer", 1, 10'000), "1000"),
       optional("range", duration("the longest that may be asked for at once", "1d"), "11000d"),
       optional("waveform", duration("waveform kept in memory for each device; 0s: none", "0s", "60s"), "10s"),
       optional("clients", integer("connections at a time", 4, 100'000), "1024"),
       optional("event_streams", integer("readers of the live stream at a time", 1, 10'000), "256")},
      "what clients may ask for");
}

}  // namespace

Schema http_schema() {
  Schema listen = list(of(Type::address, "host:port"), "own addresses and ports", true);
  listen.min = 1;
  return object(
      {optional("listen", std::move(listen), "\"127.0.0.1:8080\""),
       optional("tls", object({required("certificate", of(Type::path, "PEM, the chain")),
                               required("key", of(Type::path, "PEM"))},
                              "speak HTTPS")),
       optional(
           "auth",
           enumeration({"auto", "required", "off"},
                       "who must log in; auto: everybody, except on loopback as long as there is no user or token"),
           "auto"),
       optional("allow_unauthenticated",
                boolean("true: with `auth: off`, let everybody who reaches an address beyond loopback read"), "false"),
       optional("host_names",
                list(of(Type::host, "a name"), "names under which it is reached; others are refused", true), "[]"),
       optional("sink", of(Type::name, "the sink that answers about the past; default: the first that can be read")),
       optional("limits", limits_schema(), "{}"), optional("compat", http_compat_schema())},
      "the HTTP API and the dashboard; without this section there is none");
}

HttpConfig make_http(const Value& section) {
  HttpConfig http;
  http.listen = texts(section["listen"]);
  if (const Value& tls = section["tls"]; tls) {
    http.certificate = tls["certificate"].text();
    http.key = tls["key"].text();
  }
  http.auth = section["auth"].text();
  http.allow_unauthenticated = section["allow_unauthenticated"].boolean();
  http.host_names = texts(section["host_names"]);
  if (section["sink"]) http.sink = section["sink"].text();
  const Value& limits = section["limits"];
  http.limits = {limits["points"].integer(),    limits["series"].integer(),  limits["range"].duration(),
                 limits["waveform"].duration(), limits["clients"].integer(), limits["event_streams"].integer()};
  http.compat = make_http_compat(section["compat"]);
  http.section = section;
  return http;
}

bool is_loopback_address(const std::string& address) {
  const auto endpoint = split_address(address);
  if (!endpoint) return false;
  return endpoint->host == "localhost" || endpoint->host == "::1" || endpoint->host.rfind("127.", 0) == 0;
}

void check_http(const Value& root, const std::vector<std::string>& sinks, const std::string& file, Diagnostics& out) {
  const Value& section = root["http"];
  if (!section) return;
  if (section["compat"]) check_http_compat(section["compat"], root, file, out);
  const auto report = [&](Severity severity, Mark mark, std::string code, std::string message, std::string expected,
                          std::string got, std::string hint) {
    out.add({severity, std::move(code), file, mark, std::move(message), std::move(expected), std::move(got),
             std::move(hint)});
  };
  if (const Value& sink = section["sink"]; sink && std::find(sinks.begin(), sinks.end(), sink.text()) == sinks.end())
    report(Severity::error, sink.mark, "cfg-unknown-sink",
           fmt::format("'http.sink' names {}, which is no sink", quote(sink.text())),
           sinks.empty() ? "a sink of this file" : joined(sinks), {}, did_you_mean(sink.text(), sinks));
  const bool open = section["auth"] && section["auth"].text() == "off";
  const bool meant = section["allow_unauthenticated"] && section["allow_unauthenticated"].boolean();
  if (!section["listen"]) return;
  for (const auto& address : section["listen"].list()) {
    if (!address || is_loopback_address(address.text())) continue;
    if (open && !meant)
      report(Severity::error, address.mark, "cfg-http-open",
             fmt::format("'http' would answer everybody on the network at {}, without login", quote(address.text())),
             "a loopback address (127.0.0.1:8080), or `auth: required`", {},
             "`allow_unauthenticated: true` says that it is meant");
    else if (!open && !section["tls"])
      report(Severity::warning, address.mark, "cfg-http-no-tls",
             fmt::format("'http' takes passwords and tokens in clear text at {}", quote(address.text())), {}, {},
             "add `tls`, or listen on loopback behind a proxy that speaks HTTPS");
  }
  if (meant && !open)
    report(Severity::warning, section["allow_unauthenticated"].key_mark, "cfg-no-effect",
           "'allow_unauthenticated' of 'http' has no effect", {}, {}, "it needs `auth: off`");
}

}  // namespace mesura::config
