// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "doctor/link_check.hpp"

#include "http/listen_address.hpp"
#include "http/options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <optional>
#include <utility>

namespace mesura::doctor {
namespace {

using config::Value;

/// Kinds that are opened here. Ports of this machine are looked at without opening (port_check.hpp).
bool is_network(const std::string& kind) {
  return kind == "tcp" || kind == "tcp_listen" || kind == "udp" || kind == "http" || kind == "mqtt";
}

std::string code_of(const std::string& kind) {
  if (kind == "tcp_listen" || kind == "udp") return "doc-listen";
  return kind == "mqtt" ? "doc-broker" : "doc-host";
}

/// A transport of kind http connects for each request; what has to work is TCP.
Value tcp_of_http(const Value& options) {
  const bool tls = options["tls"] && options["tls"].boolean();
  const std::int64_t port = options["port"] ? options["port"].integer() : tls ? 443 : 80;
  return Value{Value::Map{{"host", options["host"]}, {"port", Value{port}}, {"connect_timeout", options["timeout"]}}};
}

}  // namespace

/// One transport on its way to open or closed.
class LinkChecks::Attempt final : public transport::Listener {
 public:
  Attempt(std::string where, std::string code, std::unique_ptr<transport::Transport> transport,
          runtime::EventLoop& loop)
      : loop_(loop), transport_(std::move(transport)) {
    finding_.where = std::move(where);
    finding_.code = std::move(code);
  }

  void start() { transport_->open(*this); }
  void on_open() override { end(Severity::good, transport_->describe() + " can be opened"); }
  void on_bytes(transport::Bytes /*bytes*/, const transport::Meta& /*meta*/) override {}
  void on_closed(const transport::Reason& reason, bool /*final*/) override { end(Severity::error, reason.message); }
  void give_up(std::chrono::milliseconds patience) {
    if (done_) return;
    end(Severity::error, fmt::format("{}: expected an answer within {} s, got none\n  hint  is it on, and does a "
                                     "firewall drop the packets?",
                                     transport_->describe(), std::chrono::duration<double>(patience).count()));
  }
  [[nodiscard]] bool done() const { return done_; }
  [[nodiscard]] const Finding& finding() const { return finding_; }

 private:
  void end(Severity severity, const std::string& message) {
    if (std::exchange(done_, true)) return;
    finding_.severity = severity;
    if (severity == Severity::good)
      finding_.message = message;
    else
      take_message(finding_, message);
    // Not from inside its own call.
    loop_.post([this] {
      transport_->close();
      loop_.stop();
    });
  }

  runtime::EventLoop& loop_;
  std::unique_ptr<transport::Transport> transport_;
  Finding finding_;
  bool done_ = false;
};

LinkChecks::LinkChecks(runtime::EventLoop& loop)
    : loop_(loop), context_{loop, runtime::Logger{std::make_shared<runtime::Log>(), "doctor"}} {}

LinkChecks::~LinkChecks() = default;

void LinkChecks::add_transport(const std::string& where, const std::string& kind, const Value& options,
                               std::string code) {
  const auto* found = transport::find_kind(kind);
  if (found == nullptr) return;
  attempts_.push_back(std::make_unique<Attempt>(where, std::move(code), found->make(options, context_), loop_));
}

void LinkChecks::add(const config::DeviceConfig& device) {
  const std::string where = "device " + device.name;
  for (const auto& link : device.links) {
    if (!is_network(link.kind)) continue;
    if (link.kind == "http") {
      // Without a host each request names its own.
      if (link.options["host"]) add_transport(where, "tcp", tcp_of_http(link.options), "doc-host");
    } else {
      add_transport(where, link.kind, link.options, code_of(link.kind));
    }
  }
  if (!device.relay) return;
  const Value listen{Value::Map{{"listen", Value{*device.relay}}, {"max_peers", Value{std::int64_t{64}}}}};
  add_transport(where + ", relay", "tcp_listen", listen, "doc-listen");
}

void LinkChecks::add_listener(const std::string& where, const std::string& address) {
  const auto parsed = http::parse_listen_address(address);
  if (!parsed) return;  // the configuration's check says so
  try {
    for (const auto& one : http::resolve_listen(*parsed)) {
      const Value listen{Value::Map{{"listen", Value{one.to_string()}}, {"max_peers", Value{std::int64_t{1}}}}};
      add_transport(where, "tcp_listen", listen, "doc-listen");
    }
  } catch (const http::ListenError& e) {
    Finding finding{Severity::error, "doc-listen", where, {}};
    take_message(finding, e.what());
    refused_.push_back(std::move(finding));
  }
}

void LinkChecks::run(std::chrono::milliseconds patience, Findings& out) {
  out.insert(out.end(), refused_.begin(), refused_.end());
  const auto all_done = [&] {
    return std::all_of(attempts_.begin(), attempts_.end(), [](const auto& a) { return a->done(); });
  };
  bool late = false;
  const auto timer = loop_.after(patience, [&] {
    late = true;
    loop_.stop();
  });
  for (const auto& attempt : attempts_) attempt->start();
  while (!late && !all_done()) loop_.run();
  loop_.cancel(timer);
  for (const auto& attempt : attempts_) {
    attempt->give_up(patience);
    out.push_back(attempt->finding());
  }
  // The last of what was posted, while there is still something to post it to.
  while (loop_.run_once(std::chrono::nanoseconds{0})) continue;
  attempts_.clear();
}

}  // namespace mesura::doctor
