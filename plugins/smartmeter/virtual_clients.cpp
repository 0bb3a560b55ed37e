// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The virtual SmartMeter's clients: who is connected, what they said, what they are told.
#include <fmt/format.h>

#include <algorithm>

#include "virtual_meter.hpp"
#include "virtual_time.hpp"
#include "virtual_wiring.hpp"

namespace mesura::smartmeter {

using namespace twin;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t kMostInput = 64 * 1024;
constexpr std::size_t kMostText = 1024 * 1024;  // lines that wait for a client who doesn't read
constexpr std::size_t kPiece = 256 * 1024;
constexpr std::size_t kLongestLog = 530;
constexpr std::size_t kLogFile = 40'000;
constexpr auto kRetryAfter = 2ms;
constexpr auto kRetryFlood = 100us;  // loopback drains a megabyte in about as long
constexpr auto kDeafBeforeStart = 200ms;

Bytes bytes_of(std::string_view text) { return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}; }

}  // namespace

VirtualSmartMeter::Client* VirtualSmartMeter::find(Asker id) {
  for (const auto& client : clients_)
    if (client->id == id) return client.get();
  return nullptr;
}

VirtualSmartMeter::Client* VirtualSmartMeter::find(LinkId link, std::string_view peer) {
  for (const auto& client : clients_)
    if (client->link == link && client->peer == peer) return client.get();
  return nullptr;
}

bool VirtualSmartMeter::is_tcp(const Client& client) const {
  return client.link == kDial || (client.link == kCommand && command_kind_ != "pty" && command_kind_ != "serial");
}

VirtualSmartMeter::Client* VirtualSmartMeter::last_tcp_client() {
  const auto found = std::find_if(clients_.rbegin(), clients_.rend(),
                                  [&](const auto& client) { return client->greeted && is_tcp(*client); });
  return found != clients_.rend() ? found->get() : nullptr;
}

void VirtualSmartMeter::join(LinkId link, std::string_view peer) {
  if (rebooting_) {
    host().drop(link, peer);
    return;
  }
  auto client = std::make_unique<Client>();
  client->id = next_id_++;
  client->link = link;
  client->peer = std::string(peer);
  clients_.push_back(std::move(client));
  if (link == kRaw) {
    start_raw();
  } else if (link == kDial || settings_.accept.count() == 0) {
    greet(*clients_.back());
  } else if (std::count_if(clients_.begin(), clients_.end(),
                           [](const auto& c) { return !c->greeted && c->link == kCommand; }) == 1) {
    host().arm(kAccept, settings_.accept);
  }
}

void VirtualSmartMeter::greet_next() {
  const auto waits = [](const auto& client) { return !client->greeted && client->link == kCommand; };
  const auto next = std::find_if(clients_.begin(), clients_.end(), waits);
  if (next == clients_.end()) return;
  greet(**next);
  if (std::any_of(clients_.begin(), clients_.end(), waits)) host().arm(kAccept, settings_.accept);
}

void VirtualSmartMeter::greet(Client& client) {
  const auto greeted = static_cast<std::size_t>(
      std::count_if(clients_.begin(), clients_.end(), [](const auto& c) { return c->greeted && c->link != kRaw; }));
  const Asker id = client.id;
  if (greeted >= settings_.clients) {
    log(Level::warning, "To much clients, could not add client");
    drop(id);
    return;
  }
  log(Level::info, fmt::format("New client: {}", client.peer.empty() ? stream_server_ : client.peer));
  client.greeted = true;
  send(client, "Info:" + info_json() + "\r\n");
  read_lines(id);
}

void VirtualSmartMeter::leave(Asker id) {
  Client* client = find(id);
  if (client == nullptr) return;
  const bool owner = run_ && run_->owner_link == client->link && run_->owner == client->peer;
  const LinkId link = client->link;
  clients_.erase(std::find_if(clients_.begin(), clients_.end(), [&](const auto& c) { return c->id == id; }));
  if (owner) {
    if (link != kRaw) log(Level::error, "TCP disconnected while streaming");
    end_run();
  }
}

void VirtualSmartMeter::drop(Asker id) {
  Client* client = find(id);
  if (client == nullptr) return;
  if (client->link == kDial) {
    host().close(kDial);
    dialled_ = false;
  } else if (client->link == kRaw || command_kind_ == "tcp_listen") {
    host().drop(client->link, client->peer);
  } else {
    return;  // a serial line has nothing to hang up
  }
  leave(id);
}

void VirtualSmartMeter::drop_all() {
  std::vector<Asker> ids;
  for (const auto& client : clients_) ids.push_back(client->id);
  for (const Asker id : ids) drop(id);
}

bool VirtualSmartMeter::may_read(const Client& client) const {
  if (rebooting_ || !client.greeted) return false;
  if (scheduled_ && scheduled_->start_ns - now_ <= std::chrono::nanoseconds{kDeafBeforeStart}.count()) return false;
  // The serial line is read only while nothing else is streamed.
  return is_tcp(client) || !run_ || run_->request.sink == Sink::serial;
}

void VirtualSmartMeter::read_lines(Asker id) {
  // Looked up again after each line: a command may drop its client.
  for (;;) {
    Client* client = find(id);
    if (client == nullptr || !may_read(*client)) return;
    const std::size_t end = client->input.find('\n');
    if (end == std::string::npos) return;
    const std::string line = client->input.substr(0, std::min(end, kLongestLine));
    client->input.erase(0, end + 1);
    handle(id, line);
  }
}

void VirtualSmartMeter::read_all() {
  std::vector<Asker> ids;
  for (const auto& client : clients_) ids.push_back(client->id);
  for (const Asker id : ids) read_lines(id);
}

void VirtualSmartMeter::on_bytes(LinkId link, Bytes bytes, const Meta& meta) {
  now_ = meta.received_ns;
  const std::string_view text{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  if (link == kBroker) {
    broker_message(meta.topic, text);
    return;
  }
  const bool named = link == kRaw || (link == kCommand && command_kind_ == "tcp_listen");
  Client* client = find(link, named ? meta.peer : std::string_view{});
  if (client == nullptr || link == kRaw) return;
  client->input += text;
  const Asker id = client->id;
  read_lines(id);
  client = find(id);
  if (client == nullptr || client->input.size() <= kMostInput) return;
  // Of an endless line only the beginning counts; of many waiting ones the oldest.
  const std::size_t last = client->input.rfind('\n');
  client->input.resize(std::min(last == std::string::npos ? kLongestLine : last + 1, kMostInput));
}

void VirtualSmartMeter::on_peer(LinkId link, std::string_view peer, bool joined, std::int64_t now_ns) {
  now_ = now_ns;
  if (link != kCommand && link != kRaw) return;
  if (link == kCommand && command_kind_ != "tcp_listen") {
    // A serial line is a client from the start and stays one; what it says into the void is lost.
    Client* line = find(kCommand, {});
    if (line == nullptr) return;
    line->away = !joined;
    line->backlog.clear();
  } else if (joined) {
    join(link, peer);
  } else if (const Client* client = find(link, peer); client != nullptr) {
    leave(client->id);
  }
}

void VirtualSmartMeter::send(Client& client, std::string_view text) {
  if (client.backlog.size() > settings_.buffer + kMostText) return;
  send(client, bytes_of(text));
}

void VirtualSmartMeter::send(Client& client, Bytes bytes) {
  if (client.away) return;
  if (client.backlog.empty() && bytes.size() <= kPiece && host().send(client.link, bytes, client.peer)) return;
  client.backlog.insert(client.backlog.end(), bytes.begin(), bytes.end());
  host().arm(kRetry, settings_.flood ? std::chrono::nanoseconds{kRetryFlood} : kRetryAfter);
}

void VirtualSmartMeter::flush_backlogs() {
  bool waiting = false;
  for (const auto& client : clients_) {
    std::size_t done = 0;
    while (done < client->backlog.size()) {
      const std::size_t piece = std::min(kPiece, client->backlog.size() - done);
      if (!host().send(client->link, Bytes{client->backlog.data() + done, piece}, client->peer)) break;
      done += piece;
    }
    client->backlog.erase(client->backlog.begin(), client->backlog.begin() + static_cast<std::ptrdiff_t>(done));
    waiting = waiting || !client->backlog.empty();
  }
  if (waiting) host().arm(kRetry, settings_.flood ? std::chrono::nanoseconds{kRetryFlood} : kRetryAfter);
}

void VirtualSmartMeter::reply(Asker asker, std::string_view json) {
  if (asker == kBrokerAsker) {
    publish("state/info", json);
  } else if (Client* client = find(asker); client != nullptr) {
    send(*client, fmt::format("Info:{}\r\n", json));
  }
}

void VirtualSmartMeter::refuse(Asker asker, std::string_view command, std::string_view message) {
  JsonObject out;
  out.boolean("error", true).text("cmd", command);
  if (!message.empty()) out.text("msg", message);
  reply(asker, out.take());
}

void VirtualSmartMeter::log(Level level, std::string_view text) {
  constexpr std::string_view letters = "ADIWE";
  std::string line =
      fmt::format("Info:[{}]{}: {}", letters[static_cast<std::size_t>(level)], short_form(device_ns()), text);
  line.resize(std::min(line.size(), kLongestLog));
  if (level >= Level::warning) {
    log_file_.push_back(line);
    log_bytes_ += line.size();
    for (; log_bytes_ > kLogFile; log_file_.pop_front()) log_bytes_ -= log_file_.front().size();
  }
  line += "\r\n";
  for (const auto& client : clients_)
    if (client->greeted && client->link != kRaw && client->level <= level) send(*client, line);
}

}  // namespace mesura::smartmeter
