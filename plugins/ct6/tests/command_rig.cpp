// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "command_rig.hpp"

#include <algorithm>

namespace mesura::ct6::test {
namespace {

constexpr std::uint32_t kPluginData = 0, kPluginHttp = 1;
constexpr std::string_view kUnit = "127.0.0.2:29340";

std::string text(mesura_str s) { return std::string{mesura::abi::view(s)}; }
std::string text(mesura_bytes b) { return {reinterpret_cast<const char*>(b.data), b.size}; }

mesura_error no_error() {
  mesura_error error{};
  error.struct_size = sizeof error;
  return error;
}

}  // namespace

std::string path_of(std::string_view to) {
  const std::size_t host = to.find("://");
  if (host == std::string_view::npos) return std::string{to.substr(std::min(to.find('/'), to.size()))};
  const std::size_t slash = to.find('/', host + 3);
  return slash == std::string_view::npos ? std::string{} : std::string{to.substr(slash)};
}

struct CommandRig::Api {
  static CommandRig& self(mesura_host* host) { return *reinterpret_cast<CommandRig*>(host); }

  static std::uint32_t device(mesura_host* host, mesura_str key, mesura_str) {
    auto& all = self(host).devices;
    const auto at = std::find(all.begin(), all.end(), text(key));
    if (at != all.end()) return static_cast<std::uint32_t>(at - all.begin());
    all.push_back(text(key));
    return static_cast<std::uint32_t>(all.size() - 1);
  }
  static std::uint32_t series(mesura_host*, const mesura_series_info*) { return 0; }
  static void attribute(mesura_host*, std::uint32_t, mesura_str, mesura_str) {}
  static void emit(mesura_host*, const mesura_batch*) {}
  static std::uint32_t stream(mesura_host*, const mesura_stream_info*) { return MESURA_NO_STREAM; }
  static void waveform(mesura_host*, const mesura_waveform*) {}
  static void frame(mesura_host* host, std::uint32_t, mesura_bytes) { ++self(host).frames; }
  static void fault(mesura_host*, const mesura_fault*) {}
  static std::int32_t send(mesura_host* host, std::uint32_t link, mesura_bytes bytes, mesura_str to) {
    return self(host).send(link, text(bytes), text(to), false) ? 0 : -1;
  }
  static void arm(mesura_host* host, std::uint32_t timer, std::int64_t delay_ns) {
    CommandRig& r = self(host);
    if (delay_ns < 0) {
      r.timers_.erase(timer);
    } else {
      r.timers_[timer] = r.unit.host.now_ns() + delay_ns;
    }
  }
  static std::int32_t open(mesura_host* host, std::uint32_t link, mesura_str spec) {
    CommandRig& r = self(host);
    r.opened.push_back(text(spec));
    if (!r.config_.opens) return -1;
    r.opening_.push_back(link);
    return 0;
  }
  static void close(mesura_host*, std::uint32_t) {}
  static void drop(mesura_host*, std::uint32_t, mesura_str) {}
  static void reopen(mesura_host*, std::uint32_t, mesura_str) {}
  static std::int32_t set_lines(mesura_host*, std::uint32_t, std::int32_t, std::int32_t) { return -1; }
  static void reply(mesura_host* host, std::uint64_t request, const mesura_reply* reply) {
    CommandRig& r = self(host);
    CHECK_FALSE(r.ended_.contains(request));
    r.ended_[request] = {static_cast<int>(reply->status), text(reply->message), text(reply->json), text(reply->bytes)};
  }
  static void fail(mesura_host*, mesura_str code, mesura_str message) { FAIL_CHECK(text(code) << text(message)); }
  static void log(mesura_host* host, std::uint32_t, mesura_str message) { self(host).logs.push_back(text(message)); }
  static std::int32_t send_for(mesura_host* host, std::uint64_t request, std::uint32_t link, mesura_bytes bytes,
                               mesura_str to) {
    CommandRig& r = self(host);
    CHECK(link == kPluginHttp);
    // As the core: a command that has ended writes nothing.
    if (r.refuses_writes_ || r.ended_.contains(request)) return -1;
    if (r.dry_[request]) {
      r.planned.push_back({text(to), text(bytes)});
      return 0;
    }
    if (!r.send(link, text(bytes), text(to), true)) return -1;
    r.wrote.push_back({text(to), text(bytes)});
    return 0;
  }
  static void progress(mesura_host* host, std::uint64_t, std::uint64_t done, std::uint64_t total, mesura_str what) {
    self(host).progress.push_back(std::to_string(done) + "/" + std::to_string(total) + " " + text(what));
  }

  static const mesura_host_api& table() {
    static const mesura_host_api api = [] {
      mesura_host_api t{};
      t.struct_size = sizeof t;
      t.abi_major = MESURA_ABI_MAJOR;
      t.abi_minor = MESURA_ABI_MINOR;
      t.device = &device;
      t.series = &series;
      t.attribute = &attribute;
      t.emit = &emit;
      t.stream = &stream;
      t.waveform = &waveform;
      t.frame = &frame;
      t.fault = &fault;
      t.send = &send;
      t.arm = &arm;
      t.open = &open;
      t.close = &close;
      t.drop = &drop;
      t.reopen = &reopen;
      t.set_lines = &set_lines;
      t.reply = &reply;
      t.fail = &fail;
      t.log = &log;
      t.send_for = &send_for;
      t.progress = &progress;
      return t;
    }();
    return api;
  }
};

CommandRig::CommandRig(PluginOptions unit_options, Config config)
    : unit(std::move(unit_options)), config_(std::move(config)) {
  const auto str = [](std::string_view s) { return mesura_str{s.data(), s.size()}; };
  const std::string address = config_.data == "http" ? "127.0.0.2:80" : config_.fleet ? "" : std::string{kUnit};
  const mesura_link_info data{sizeof(mesura_link_info), 0, str(config_.data),
                              str(config_.data == "mqtt" ? std::string_view{"broker:1883"} : address)};
  const mesura_link_info http{sizeof(mesura_link_info), 1, str(config_.http.empty() ? "" : "http"), str(config_.http)};
  const mesura_link_info* const links[] = {&data, &http};
  const auto& options = config_.options.abi();
  mesura_session_info info{};
  info.struct_size = sizeof info;
  info.device = str("device");
  info.options = options.data();
  info.option_count = options.size();
  info.now_ns = unit.host.now_ns();
  info.live = 1;
  info.fleet = config_.fleet ? 1 : 0;
  info.links = links;
  info.link_count = 2;
  mesura_error error = no_error();
  session_ = mesura_plugin_query(nullptr, nullptr)
                 ->session->create(reinterpret_cast<mesura_host*>(this), &Api::table(), &info, &error);
  INFO(std::string_view(error.message, error.size));
  REQUIRE(session_ != nullptr);
  unit.host.clear();
  opening_.push_back(kPluginData);
  if (!config_.http.empty()) opening_.push_back(kPluginHttp);
  step(10ms);
}

CommandRig::~CommandRig() { mesura_plugin_query(nullptr, nullptr)->session->destroy(session_); }

std::uint64_t CommandRig::begin(std::string_view name, const PluginOptions& arguments, bool dry_run, DeviceId device) {
  const auto& abi = arguments.abi();
  mesura_request request{};
  request.struct_size = sizeof request;
  request.device = device;
  request.id = next_id_++;
  request.command = {name.data(), name.size()};
  request.arguments = abi.data();
  request.argument_count = abi.size();
  request.dry_run = dry_run ? 1 : 0;
  dry_[request.id] = dry_run;
  mesura_error error = no_error();
  REQUIRE(mesura_plugin_query(nullptr, nullptr)->session->on_command(session_, &request, &error) == 0);
  return request.id;
}

Ended CommandRig::run(std::string_view name, const PluginOptions& arguments, bool dry_run,
                      std::chrono::nanoseconds limit) {
  const std::uint64_t id = begin(name, arguments, dry_run);
  for (std::chrono::nanoseconds t{0}; t < limit && !ended_.contains(id); t += 10ms) step(10ms);
  INFO(name);
  CHECK(ended_.contains(id));
  return ended(id);
}

Ended CommandRig::ended(std::uint64_t id) const {
  const auto at = ended_.find(id);
  return at != ended_.end() ? at->second : Ended{};
}

void CommandRig::cancel(std::uint64_t id) {
  mesura_error error = no_error();
  CHECK(mesura_plugin_query(nullptr, nullptr)->session->on_cancel(session_, id, unit.host.now_ns(), &error) == 0);
}

void CommandRig::advance(std::chrono::nanoseconds by) {
  for (std::chrono::nanoseconds t{0}; t < by; t += 10ms) step(10ms);
}

bool CommandRig::until_asked(std::string_view path, std::chrono::nanoseconds limit) {
  const std::size_t from = asked.size();
  for (std::chrono::nanoseconds t{0}; t < limit; t += 10ms) {
    for (std::size_t i = from; i < asked.size(); ++i)
      if (asked[i].find(path) != std::string::npos) return true;
    step(10ms);
  }
  return false;
}

bool CommandRig::has_file(std::string_view path) {
  const twin::Value now = state();
  for (const twin::Value& file : *at(now, "files").as<twin::Array>())
    if (*file.as<std::string>() == path) return true;
  return false;
}

/// A command of the virtual unit, without disturbing what is under way.
std::string CommandRig::look(std::string_view command, const PluginOptions& arguments) {
  take_from_unit();
  unit.host.command(command, arguments);
  unit.host.advance(0s);
  take_from_unit();
  const auto replies = unit.host.events(Kind::reply);
  return replies.empty() ? std::string{} : replies.back().text;
}

void CommandRig::set(std::string name, std::string value) {
  look("set", PluginOptions{}.text("name", std::move(name)).text("value", std::move(value)));
}

void CommandRig::fault(std::string kind, std::int64_t count) {
  look("fault", PluginOptions{}.text("kind", std::move(kind)).integer("count", count));
}

// ---------------------------------------------------------------- the way

Trouble* CommandRig::trouble_for(std::string_view to, bool changes) {
  for (Trouble& t : troubles_) {
    const bool fits = t.path == "FILE" ? to.starts_with("FILE ") : path_of(to).starts_with(t.path);
    if (t.count <= 0 || !fits || (t.changes && !changes)) continue;
    if (t.skip-- > 0) continue;
    t.skip = 0;
    --t.count;
    return &t;
  }
  return nullptr;
}

void CommandRig::finish(Flight& flight, int status, std::string body, std::chrono::nanoseconds delay) {
  flight.answer = {status, std::move(body)};
  flight.due_ns = unit.host.now_ns() + delay.count();
}

bool CommandRig::send(std::uint32_t link, std::string bytes, std::string to, bool changes) {
  if (link == kPluginData && config_.data == "udp") {
    unit.ayt();
    return true;
  }
  asked.push_back(to);
  if (send_elsewhere) return send_elsewhere(to, bytes);
  // One request at a time: the unit serves no more.
  if (link == kPluginHttp)
    for (const Flight& other : flights_) CHECK(other.to.find("://") == std::string::npos);
  Flight& flight = flights_.emplace_back();
  flight.to = to;
  flight.peer = "127.0.0.1:" + std::to_string(++next_port_);
  flight.began_ns = unit.host.now_ns();
  const Trouble* const t = trouble_for(to, changes);
  if (t != nullptr && t->kind != Trouble::Kind::lost && t->kind != Trouble::Kind::off) {
    switch (t->kind) {
      case Trouble::Kind::refused:
        finish(flight, -1, to + ": expected a connection, got Connection refused", 10ms);
        break;
      case Trouble::Kind::closed:
        finish(flight, -1, to + ": expected an answer, got the end of the connection", 10ms);
        break;
      case Trouble::Kind::says: finish(flight, 200, t->body, 10ms); break;
      default: finish(flight, -1, to + ": expected a whole answer, got none within 5000 ms", 5s); break;
    }
    return true;
  }
  flight.lost = t != nullptr && t->kind == Trouble::Kind::lost;
  if (t != nullptr && t->kind == Trouble::Kind::off) {
    set("power", "off");
  }
  std::string request = bytes;
  if (to.starts_with("GET ")) request = "GET " + path_of(to) + " HTTP/1.1\r\nHost: 127.0.0.2\r\n\r\n";
  const std::string peer = flight.peer;
  unit.host.peer(peer, true, kHttp);
  // As it comes over a network: in pieces.
  while (!request.empty()) {
    const std::size_t n = std::min<std::size_t>(request.size(), 1460);
    unit.host.bytes(request.substr(0, n), PluginHarness::From{peer, {}, 0}, kHttp);
    request.erase(0, n);
  }
  return true;
}

/// What the unit has sent, and which connections it has ended.
void CommandRig::take_from_unit() {
  for (; seen_ < unit.host.events().size(); ++seen_) {
    const auto event = unit.host.events()[seen_];
    if (event.kind == Kind::sent && event.link == kData) {
      mesura_meta meta{};
      meta.struct_size = sizeof meta;
      meta.received_ns = unit.host.now_ns();
      meta.peer = {kUnit.data(), kUnit.size()};
      mesura_error error = no_error();
      const mesura_bytes bytes{reinterpret_cast<const std::uint8_t*>(event.text.data()), event.text.size()};
      CHECK(mesura_plugin_query(nullptr, nullptr)->session->on_bytes(session_, kPluginData, bytes, &meta, &error) == 0);
      continue;
    }
    const auto at = std::find_if(flights_.begin(), flights_.end(),
                                 [&](const Flight& f) { return f.peer == event.to && !f.answer; });
    if (at == flights_.end()) {
      if (on_foreign_event) on_foreign_event(event);
      continue;
    }
    if (event.kind == Kind::sent) at->bytes += event.text;
    if (event.kind != Kind::dropped) continue;
    if (at->lost) {
      finish(*at, -1, at->to + ": expected a whole answer, got none within 5000 ms", 5s);
    } else if (at->bytes.empty()) {
      at->hung_up = true;
    } else {
      const std::size_t head = at->bytes.find("\r\n\r\n");
      REQUIRE(head != std::string::npos);
      finish(*at, std::stoi(at->bytes.substr(9, 3)), at->bytes.substr(head + 4), 0s);
    }
  }
}

void CommandRig::answer(std::string_view to, int status, std::string_view body) {
  mesura_meta meta{};
  meta.struct_size = sizeof meta;
  meta.received_ns = unit.host.now_ns();
  meta.topic = {to.data(), to.size()};
  meta.status = status;
  mesura_error error = no_error();
  const mesura_bytes bytes{reinterpret_cast<const std::uint8_t*>(body.data()), body.size()};
  const std::uint32_t link = config_.data == "http" && to == "GET /get_stats" ? kPluginData : kPluginHttp;
  CHECK(mesura_plugin_query(nullptr, nullptr)->session->on_bytes(session_, link, bytes, &meta, &error) == 0);
}

/// A unit that runs has hung up; one that is away does not even do that.
void CommandRig::judge_silence() {
  for (std::size_t i = 0; i < flights_.size(); ++i) {
    if (!flights_[i].hung_up || flights_[i].answer) continue;
    const bool runs = *at(state(), "state").as<std::string>() == "running";
    finish(flights_[i], -1,
           flights_[i].to + (runs ? ": expected an answer, got the end of the connection"
                                  : ": expected a whole answer, got none within 5000 ms"),
           runs ? 0s : 5s);
  }
}

void CommandRig::deliver() {
  for (std::size_t i = 0; i < flights_.size(); ++i) {
    if (!flights_[i].answer || flights_[i].due_ns > unit.host.now_ns()) continue;
    const Flight flight = std::move(flights_[i]);
    flights_.erase(flights_.begin() + static_cast<std::ptrdiff_t>(i));
    answer(flight.to, flight.answer->first, flight.answer->second);
    return;
  }
}

void CommandRig::fire() {
  for (;;) {
    const auto due =
        std::find_if(timers_.begin(), timers_.end(), [&](const auto& t) { return t.second <= unit.host.now_ns(); });
    if (due == timers_.end()) return;
    const std::uint32_t timer = due->first;
    timers_.erase(due);
    mesura_error error = no_error();
    CHECK(mesura_plugin_query(nullptr, nullptr)->session->on_timer(session_, timer, unit.host.now_ns(), &error) == 0);
  }
}

void CommandRig::step(std::chrono::nanoseconds by) {
  for (const std::uint32_t link : std::exchange(opening_, {})) {
    mesura_error error = no_error();
    CHECK(mesura_plugin_query(nullptr, nullptr)->session->on_open(session_, link, unit.host.now_ns(), &error) == 0);
  }
  unit.host.advance(by);
  take_from_unit();
  judge_silence();
  deliver();
  fire();
  constexpr std::size_t kEnough = 5000;
  if (seen_ > kEnough && flights_.empty()) {
    unit.host.clear();
    seen_ = 0;
  }
}

}  // namespace mesura::ct6::test
