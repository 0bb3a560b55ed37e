// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace mesura::smartmeter {
namespace {

constexpr LinkId kCommand = 0, kData = 1;
constexpr TimerId kTimer = 0;

std::string_view host_of(std::string_view address) {
  return address.substr(0, std::min(address.rfind(':'), address.size()));
}

bool is_numeric_address(std::string_view host) {
  return !host.empty() &&
         std::all_of(host.begin(), host.end(), [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
}

}  // namespace

SmartMeterSession::SmartMeterSession(Host host, const SessionInfo& info)
    : Device(host, info), settings_(Settings::from(info)), live_(info.live), commands_(command_services()) {
  if (settings_.channel == Channel::mqtt) {
    broker_ = std::make_unique<Broker>(
        host, settings_,
        [this](std::string_view name) {
          return &emitter_of(settings_.fleet ? this->host().device(name, name) : MESURA_PRIMARY_DEVICE);
        },
        [this](DeviceId device, const JsonObject* reply, std::string_view text) {
          return reply != nullptr ? commands_.reply(device, *reply, text, now_ns_)
                                  : commands_.line(device, text, now_ns_);
        });
  } else if (settings_.channel != Channel::server) {
    Owner& owner = *this;
    single_ = std::make_unique<Connection>(host, settings_, owner, std::string{});
  }
}

SmartMeterSession::~SmartMeterSession() {
  if (!live_) return;
  const auto stop = [this](Connection& connection) {
    if (connection.is_running()) send_line(connection, R"({"cmd":"stop"})");
  };
  if (single_) stop(*single_);
  for (auto& [peer, connection] : peers_) stop(*connection);
}

void SmartMeterSession::on_open(LinkId link, std::int64_t now_ns) {
  now_ns_ = now_ns;
  if (link == kData) {
    data_open_ = true;
    if (single_) single_->data_opened(now_ns);
    for (auto& [peer, connection] : peers_) connection->data_opened(now_ns);
  } else {
    if (single_) single_->opened(now_ns);
    if (broker_) broker_->opened(now_ns);
  }
  rearm(now_ns);
}

void SmartMeterSession::on_close(LinkId link, std::int64_t now_ns, std::string_view, bool final) {
  now_ns_ = now_ns;
  if (link == kData) {
    data_open_ = false;
    if (single_) single_->data_closed(now_ns);
    for (auto& [peer, connection] : peers_) connection->data_closed(now_ns);
  } else {
    if (single_) {
      single_->closed(now_ns, final);
      lost(*single_, now_ns);
    }
    if (broker_) {
      broker_->closed();
      commands_.all_gone(now_ns);
    }
    while (!peers_.empty()) end_connection(std::string{peers_.begin()->first}, now_ns, false);
  }
  run_commands(now_ns);
  rearm(now_ns);
}

void SmartMeterSession::on_peer(LinkId link, std::string_view peer, bool joined, std::int64_t now_ns) {
  now_ns_ = now_ns;
  if (link != kCommand || settings_.channel != Channel::server) return;
  if (joined) {
    if (Connection* c = connection_of(peer, now_ns)) arm(c->due(), now_ns);
  } else {
    end_connection(std::string{peer}, now_ns, false);
    run_commands(now_ns);
  }
}

void SmartMeterSession::on_bytes(LinkId link, mesura::Bytes bytes, const Meta& meta) {
  now_ns_ = meta.received_ns;
  ended_.clear();
  if (link == kData) {
    on_data(bytes, meta);
    return;
  }
  if (broker_) {
    broker_->message(meta.topic, bytes, meta.received_ns);
    run_commands(meta.received_ns);
    return;
  }
  Connection* const connection = single_ ? single_.get() : connection_of(meta.peer, meta.received_ns);
  if (connection == nullptr) return;
  if (single_ && live_ && command_peer_.empty()) command_peer_ = host_of(meta.peer);
  connection->bytes(bytes, meta.received_ns, meta.offset);
  run_commands(meta.received_ns);
  arm(connection->due(), meta.received_ns);
}

/// Datagrams, or the raw stream.
void SmartMeterSession::on_data(Bytes bytes, const Meta& meta) {
  if (settings_.activity == Activity::raw) {
    if (single_) single_->raw(bytes, meta.received_ns);
    return;
  }
  Connection* const sender = sender_of(host_of(meta.peer));
  if (sender == nullptr) {
    host().fault({MESURA_FAULT_NOISE, "foreign_datagram",
                  fmt::format("expected datagrams of the device, got one from {}", meta.peer), meta.offset,
                  bytes.size(), kData});
    return;
  }
  sender->datagram(bytes, meta.received_ns, meta.offset);
}

/// The connection of the device that sends from there.
Connection* SmartMeterSession::sender_of(std::string_view host) {
  if (single_) {
    const std::string_view configured = is_numeric_address(settings_.host) ? settings_.host : std::string_view{};
    if (host.empty() || (command_peer_.empty() && configured.empty() && single_->address().empty()))
      return single_.get();
    const bool known = host == command_peer_ || host == configured || host == single_->address();
    return known ? single_.get() : nullptr;
  }
  for (auto& [peer, connection] : peers_)
    if (host_of(peer) == host) return connection.get();
  return nullptr;
}

void SmartMeterSession::on_timer(TimerId, std::int64_t now_ns) {
  now_ns_ = now_ns;
  ended_.clear();
  armed_due_ = Connection::kNever;
  if (single_ && single_->due() <= now_ns) single_->tick(now_ns);
  if (broker_ && broker_->due() <= now_ns) broker_->tick(now_ns);
  std::vector<Connection*> due;  // a tick can end its own connection
  for (auto& [peer, connection] : peers_)
    if (connection->due() <= now_ns) due.push_back(connection.get());
  for (Connection* connection : due) connection->tick(now_ns);
  run_commands(now_ns);
  rearm(now_ns);
}

void SmartMeterSession::rearm(std::int64_t now_ns) {
  if (single_) arm(single_->due(), now_ns);
  if (broker_) arm(broker_->due(), now_ns);
  arm(commands_.due(), now_ns);
  for (const auto& [peer, connection] : peers_) arm(connection->due(), now_ns);
}

/// One timer for all, at the earliest of what is due. Silence limits move on with every byte: the timer does not, it
/// looks again when it fires.
void SmartMeterSession::arm(std::int64_t due_ns, std::int64_t now_ns) {
  if (!live_ || due_ns >= armed_due_) return;
  armed_due_ = due_ns;
  host().arm(kTimer, std::chrono::nanoseconds{std::max<std::int64_t>(due_ns - now_ns, 0)});
}

Connection* SmartMeterSession::connection_of(std::string_view peer, std::int64_t now_ns) {
  if (const auto known = peers_.find(peer); known != peers_.end()) return known->second.get();
  Owner& owner = *this;
  auto made = std::make_unique<Connection>(host(), settings_, owner, std::string{peer});
  Connection* const connection = made.get();
  peers_.emplace(peer, std::move(made));
  if (data_open_) connection->data_opened(now_ns);
  connection->opened(now_ns);
  return connection;
}

void SmartMeterSession::end_connection(const std::string& peer, std::int64_t now_ns, bool drop) {
  const auto known = peers_.find(peer);
  if (known == peers_.end()) return;
  known->second->closed(now_ns, false);
  lost(*known->second, now_ns);
  ended_.push_back(std::move(known->second));
  peers_.erase(known);
  for (auto it = peer_by_key_.begin(); it != peer_by_key_.end();)
    it = it->second == peer ? peer_by_key_.erase(it) : std::next(it);
  if (drop) host().drop(kCommand, peer);
}

Emitter& SmartMeterSession::emitter_of(DeviceId device) {
  auto& emitter = emitters_[device];
  if (!emitter) emitter = std::make_unique<Emitter>(host(), device, settings_.calibration);
  return *emitter;
}

/// What tells a unit from the others. A unit that dials in again from the same address replaces its old connection; two
/// units with one name are two devices.
std::string SmartMeterSession::unit_key(const Connection& connection, std::string_view name) {
  const std::string_view address = host_of(connection.peer());
  if (const auto known = renamed_.find(name); known != renamed_.end()) name = known->second;
  std::string key{settings_.key_is_address || name.empty() ? address : name};
  for (int n = 2;; ++n) {
    const auto taken = peer_by_key_.find(key);
    if (taken == peer_by_key_.end() || taken->second == connection.peer()) return key;
    if (host_of(taken->second) == address) {
      end_connection(std::string{taken->second}, now_ns_, true);
      return key;
    }
    key = fmt::format("{}_{}", name, n);
    host().log(MESURA_LOG_WARN, fmt::format("{} calls itself '{}' as {} does: taken for another device, '{}'",
                                            connection.peer(), name, taken->second, key));
  }
}

Emitter* SmartMeterSession::name_device(Connection& connection, std::string_view name) {
  if (single_) return &emitter_of(MESURA_PRIMARY_DEVICE);
  if (settings_.fleet) {
    const std::string key = unit_key(connection, name);
    peer_by_key_[key] = connection.peer();
    return &emitter_of(host().device(key, name.empty() ? key : name));
  }
  // One configured device: the first that dials in, and its successors of the same name.
  for (auto& [peer, other] : peers_)
    if (other.get() != &connection && !other->name().empty()) {
      if (other->name() == name) {
        end_connection(std::string{peer}, now_ns_, true);
        break;
      }
      host().fault({MESURA_FAULT_NOTE, "second_device",
                    fmt::format("expected one device, '{}', got '{}' too; a fleet takes both", other->name(), name), 0,
                    0, kCommand});
      end_connection(connection.peer(), now_ns_, true);
      return nullptr;
    }
  return &emitter_of(MESURA_PRIMARY_DEVICE);
}

bool SmartMeterSession::send_line(Connection& connection, std::string_view line) {
  std::string text{line};
  text += "\r\n";
  return host().send(kCommand, text, connection.peer());
}

void SmartMeterSession::give_up(Connection& connection, std::string_view reason) {
  if (single_) {
    lost(connection, now_ns_);
    host().reopen(kCommand, reason);
    return;
  }
  host().log(MESURA_LOG_WARN, fmt::format("{} {}: {}", connection.peer(), connection.name(), reason));
  end_connection(connection.peer(), now_ns_, true);
}

bool SmartMeterSession::open_data(Connection&) {
  if (data_open_ || data_asked_) return data_open_;
  data_asked_ = true;
  if (!settings_.data_address.empty()) return false;  // configured: the host opens it
  if (settings_.activity == Activity::raw) {
    host().open(kData, fmt::format("tcp://{}:54322", settings_.host));
  } else {
    host().open(kData, fmt::format("udp://?listen=0.0.0.0:{}", settings_.udp_port));
  }
  return data_open_;
}

}  // namespace mesura::smartmeter
