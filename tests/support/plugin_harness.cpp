// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "plugin_harness.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <initializer_list>
#include <stdexcept>

namespace mesura::test {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

mesura_str str(std::string_view s) { return {s.data(), s.size()}; }
std::string text_of(mesura_str s) { return s.data == nullptr ? std::string{} : std::string{s.data, s.size}; }

mesura_error no_error() {
  mesura_error error{};
  error.struct_size = sizeof error;
  return error;
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(byte));
      out += escaped;
    } else {
      out += c;
    }
  }
  out += '"';
}

void append_member(std::string& out, std::string_view name, std::string_view value) {
  out += out.size() > 1 ? ",\"" : "\"";
  out += name;
  out += "\":";
  append_quoted(out, value);
}

template <class T>
void append_number(std::string& out, std::string_view name, T value) {
  out += out.size() > 1 ? ",\"" : "\"";
  out += name;
  out += "\":";
  char digits[64];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out.append(digits, end);
}

std::string time_text(std::int64_t ns) {
  std::int64_t seconds = ns / kSecond, rest = ns % kSecond;
  if (rest < 0) {
    rest += kSecond;
    --seconds;
  }
  const std::chrono::sys_seconds moment{std::chrono::seconds{seconds}};
  const auto day = std::chrono::floor<std::chrono::days>(moment);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{moment - day};
  char out[64];
  std::snprintf(out, sizeof out, "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  std::string text = out;
  if (rest != 0) {
    std::snprintf(out, sizeof out, ".%09d", static_cast<int>(rest));
    text += out;
    while (text.back() == '0') text.pop_back();
  }
  return text + "Z";
}

std::string quality_text(std::uint8_t flags) {
  constexpr std::pair<std::uint8_t, std::string_view> names[] = {{MESURA_CLOCK_SUSPECT, "clock_suspect"},
                                                                 {MESURA_CLOCK_UNSYNCED, "clock_unsynced"},
                                                                 {MESURA_DERIVED, "derived"},
                                                                 {MESURA_SUSPECT, "suspect"},
                                                                 {MESURA_STALE, "stale"},
                                                                 {MESURA_ESTIMATED, "estimated"}};
  std::string out = "[";
  for (const auto& [flag, name] : names) {
    if ((flags & flag) == 0) continue;
    if (out.size() > 1) out += ',';
    append_quoted(out, name);
  }
  return out + "]";
}

}  // namespace

// ---------------------------------------------------------------- options

PluginOptions::Option& PluginOptions::add(std::string name, mesura_option_type type) {
  Option& option = options_.emplace_back();
  option.name = std::move(name);
  option.value.struct_size = sizeof(mesura_option);
  option.value.type = type;
  return option;
}

PluginOptions& PluginOptions::text(std::string name, std::string value) {
  add(std::move(name), MESURA_OPTION_TEXT).text = std::move(value);
  return *this;
}
PluginOptions& PluginOptions::flag(std::string name, bool value) {
  add(std::move(name), MESURA_OPTION_BOOL).value.integer = value ? 1 : 0;
  return *this;
}
PluginOptions& PluginOptions::integer(std::string name, std::int64_t value) {
  add(std::move(name), MESURA_OPTION_INTEGER).value.integer = value;
  return *this;
}
PluginOptions& PluginOptions::number(std::string name, double value) {
  add(std::move(name), MESURA_OPTION_NUMBER).value.number = value;
  return *this;
}
PluginOptions& PluginOptions::duration(std::string name, std::chrono::nanoseconds value) {
  add(std::move(name), MESURA_OPTION_DURATION).value.integer = value.count();
  return *this;
}
PluginOptions& PluginOptions::size(std::string name, std::int64_t bytes) {
  add(std::move(name), MESURA_OPTION_SIZE).value.integer = bytes;
  return *this;
}
PluginOptions& PluginOptions::list(std::string name, std::vector<std::string> values) {
  Option& option = add(std::move(name), MESURA_OPTION_LIST);
  for (auto& value : values) option.texts.emplace_back(std::string{}, std::move(value));
  return *this;
}
PluginOptions& PluginOptions::map(std::string name, std::vector<std::pair<std::string, std::string>> entries) {
  add(std::move(name), MESURA_OPTION_MAP).texts = std::move(entries);
  return *this;
}

const std::vector<mesura_option>& PluginOptions::abi() const {
  abi_.clear();
  for (Option& option : options_) {
    option.entries.clear();
    for (const auto& [key, value] : option.texts) option.entries.push_back({str(key), str(value)});
    option.value.name = str(option.name);
    option.value.text = str(option.text);
    option.value.entries = option.entries.data();
    option.value.entry_count = option.entries.size();
    abi_.push_back(option.value);
  }
  return abi_;
}

// ---------------------------------------------------------------- events

std::string PluginEvent::json() const {
  std::string out = "{";
  switch (kind) {
    case Kind::measurement:
      append_member(out, "channel", channel);
      append_member(out, "quantity", quantity);
      append_member(out, "time", time_text(time_ns));
      if (is_text) {
        append_member(out, "text", text);
      } else {
        append_number(out, "value", value);
      }
      if (quality != MESURA_GOOD) out += ",\"quality\":" + quality_text(quality);
      break;
    case Kind::waveform:
      append_number(out, "waveform", length);
      append_number(out, "first_row", offset);
      append_number(out, "gap_rows", gap_rows);
      append_number(out, "packet", packet);
      break;
    case Kind::attribute:
      append_member(out, "attribute", key);
      append_member(out, "value", text);
      break;
    case Kind::frame: append_number(out, "frame", text.size()); break;
    case Kind::fault: {
      constexpr std::string_view kinds[] = {"frame", "object", "noise", "note"};
      append_member(out, "fault", key);
      append_member(out, "kind", kinds[fault_kind]);
      append_number(out, "offset", offset);
      append_number(out, "length", length);
      break;
    }
    case Kind::sent: append_member(out, "sent", text); break;
    case Kind::lines:
      append_number(out, "rts", rts);
      append_number(out, "dtr", dtr);
      break;
    case Kind::opened: append_member(out, "open", text); break;
    case Kind::closed: append_number(out, "close", link); break;
    case Kind::dropped: append_member(out, "drop", to); break;
    case Kind::reopened: append_member(out, "reopen", text); break;
    case Kind::reply: append_member(out, "reply", text); break;
    case Kind::failed:
      append_member(out, "failed", key);
      append_member(out, "message", text);
      break;
    case Kind::log:
      append_member(out, "log", key);
      append_member(out, "message", text);
      break;
  }
  return out + "}";
}

// ---------------------------------------------------------------- the host

struct PluginHarness::Api {
  static PluginHarness& self(mesura_host* host) { return *reinterpret_cast<PluginHarness*>(host); }
  static PluginEvent& add(mesura_host* host, Kind kind) {
    PluginEvent& event = self(host).events_.emplace_back();
    event.kind = kind;
    return event;
  }

  static std::uint32_t device(mesura_host* host, mesura_str key, mesura_str own_name) {
    auto& devices = self(host).devices_;
    const std::string name = text_of(key);
    const auto known = std::find(devices.begin(), devices.end(), name);
    if (known != devices.end()) return static_cast<std::uint32_t>(known - devices.begin());
    devices.push_back(name);
    self(host).names_.push_back(text_of(own_name));
    return static_cast<std::uint32_t>(devices.size() - 1);
  }
  static std::uint32_t series(mesura_host* host, const mesura_series_info* info) {
    auto& all = self(host).series_;
    const SeriesKey key{info->device, text_of(info->channel), text_of(info->quantity), text_of(info->source),
                        text_of(info->label)};
    for (std::size_t i = 0; i < all.size(); ++i)
      if (all[i].device == key.device && all[i].channel == key.channel && all[i].quantity == key.quantity)
        return static_cast<std::uint32_t>(i);
    all.push_back(key);
    return static_cast<std::uint32_t>(all.size() - 1);
  }
  static void attribute(mesura_host* host, std::uint32_t device, mesura_str key, mesura_str value) {
    if (!self(host).config_.record) return;
    PluginEvent& e = add(host, Kind::attribute);
    e.device = device;
    e.key = text_of(key);
    e.text = text_of(value);
  }
  static void emit(mesura_host* host, const mesura_batch* batch) {
    PluginHarness& h = self(host);
    ++h.counts_.batches;
    h.counts_.measurements += batch->count;
    if (!h.config_.record) return;
    for (std::uint32_t i = 0; i < batch->count; ++i) {
      const mesura_measurement& m = batch->items[i];
      const SeriesKey& series = h.series_.at(m.series);
      PluginEvent& e = add(host, Kind::measurement);
      e.device = batch->device;
      e.channel = series.channel;
      e.quantity = series.quantity;
      e.source = series.source;
      e.label = series.label;
      e.received_ns = batch->received_ns;
      e.time_ns = m.time_ns != MESURA_NO_TIME        ? m.time_ns
                  : batch->time_ns != MESURA_NO_TIME ? batch->time_ns
                                                     : batch->received_ns;
      e.is_text = m.type == MESURA_TEXT;
      if (e.is_text) e.text.assign(m.text, m.text_size);
      e.value = e.is_text ? 0 : m.number;
      e.quality = m.quality;
    }
  }
  static std::uint32_t stream(mesura_host* host, const mesura_stream_info* info) {
    PluginStream stream{info->device, info->start_ns, info->period_ns, {}, {}};
    for (std::uint32_t i = 0; i < info->channels; ++i) {
      stream.names.push_back(text_of(info->channel_names[i]));
      stream.units.push_back(text_of(info->channel_units[i]));
    }
    self(host).streams_.push_back(std::move(stream));
    return static_cast<std::uint32_t>(self(host).streams_.size() - 1);
  }
  static void waveform(mesura_host* host, const mesura_waveform* block) {
    PluginHarness& h = self(host);
    h.counts_.rows += block->rows;
    h.counts_.gap_rows += block->gap_rows;
    if (!h.config_.record) return;
    const PluginStream& stream = h.streams_.at(block->stream);
    PluginEvent& e = add(host, Kind::waveform);
    e.device = stream.device;
    e.stream = block->stream;
    e.received_ns = block->received_ns;
    e.offset = block->first_row;
    e.length = block->rows;
    e.gap_rows = block->gap_rows;
    e.packet = block->packet;
    e.samples.resize(block->rows * stream.names.size());
    std::memcpy(e.samples.data(), block->samples, e.samples.size() * sizeof(float));
  }
  static void frame(mesura_host* host, std::uint32_t link, mesura_bytes verified) {
    ++self(host).counts_.frames;
    if (!self(host).config_.record) return;
    PluginEvent& e = add(host, Kind::frame);
    e.link = link;
    e.text.assign(reinterpret_cast<const char*>(verified.data), verified.size);
  }
  static void fault(mesura_host* host, const mesura_fault* fault) {
    ++self(host).counts_.faults;
    if (!self(host).config_.record) return;
    PluginEvent& e = add(host, Kind::fault);
    e.link = fault->link;
    e.fault_kind = fault->kind;
    e.key = text_of(fault->code);
    e.text = text_of(fault->message);
    e.offset = fault->offset;
    e.length = fault->length;
  }
  static std::int32_t send(mesura_host* host, std::uint32_t link, mesura_bytes bytes, mesura_str to) {
    if (!self(host).config_.record) return 0;
    PluginEvent& e = add(host, Kind::sent);
    e.to = text_of(to);
    e.link = link;
    e.text.assign(reinterpret_cast<const char*>(bytes.data), bytes.size);
    return 0;
  }
  static void arm(mesura_host* host, std::uint32_t timer, std::int64_t delay_ns) {
    PluginHarness& h = self(host);
    if (delay_ns < 0) {
      h.timers_.erase(timer);
    } else {
      h.timers_[timer] = h.now_ns_ + delay_ns;
    }
  }
  static std::int32_t open(mesura_host* host, std::uint32_t link, mesura_str spec) {
    PluginEvent& e = add(host, Kind::opened);
    e.link = link;
    e.text = text_of(spec);
    return 0;
  }
  static void close(mesura_host* host, std::uint32_t link) { add(host, Kind::closed).link = link; }
  static void drop(mesura_host* host, std::uint32_t link, mesura_str peer) {
    PluginEvent& e = add(host, Kind::dropped);
    e.link = link;
    e.to = text_of(peer);
  }
  static void reopen(mesura_host* host, std::uint32_t link, mesura_str reason) {
    PluginEvent& e = add(host, Kind::reopened);
    e.link = link;
    e.text = text_of(reason);
  }
  static std::int32_t set_lines(mesura_host* host, std::uint32_t link, std::int32_t rts, std::int32_t dtr) {
    if (!self(host).config_.has_lines) return -1;
    PluginEvent& e = add(host, Kind::lines);
    e.link = link;
    e.rts = rts;
    e.dtr = dtr;
    return 0;
  }
  static void reply(mesura_host* host, std::uint64_t request, const mesura_reply* reply) {
    PluginEvent& e = add(host, Kind::reply);
    e.offset = request;
    e.fault_kind = reply->status;
    e.key = text_of(reply->message);
    e.text = text_of(reply->json);
  }
  static void fail(mesura_host* host, mesura_str code, mesura_str message) {
    PluginEvent& e = add(host, Kind::failed);
    e.key = text_of(code);
    e.text = text_of(message);
  }
  static void log(mesura_host* host, std::uint32_t level, mesura_str message) {
    constexpr std::string_view levels[] = {"error", "warn", "info", "debug", "trace"};
    PluginEvent& e = add(host, Kind::log);
    e.key = levels[level];
    e.text = text_of(message);
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
      return t;
    }();
    return api;
  }
};

PluginHarness::PluginHarness(const mesura_plugin& plugin, PluginOptions options, Config config)
    : plugin_(plugin),
      options_(std::move(options)),
      config_(std::move(config)),
      now_ns_(config_.now_ns),
      devices_{config_.device},
      names_{config_.device} {
  if (config_.links.empty()) config_.links = {{"file", ""}};
  std::vector<mesura_link_info> links;
  for (const auto& [kind, address] : config_.links)
    links.push_back({sizeof(mesura_link_info), static_cast<std::uint32_t>(links.size()), str(kind), str(address)});
  std::vector<const mesura_link_info*> link_pointers;
  for (const auto& link : links) link_pointers.push_back(&link);
  const auto& abi = options_.abi();
  mesura_session_info info{};
  info.struct_size = sizeof info;
  info.device = str(config_.device);
  info.options = abi.data();
  info.option_count = abi.size();
  info.now_ns = now_ns_;
  info.live = config_.live ? 1 : 0;
  info.index = config_.index;
  info.zone = str(config_.zone);
  info.links = link_pointers.data();
  info.link_count = link_pointers.size();
  info.fleet = config_.fleet ? 1 : 0;
  mesura_error error = no_error();
  session_ = plugin_.session->create(reinterpret_cast<mesura_host*>(this), &Api::table(), &info, &error);
  if (session_ == nullptr) throw std::runtime_error(std::string(error.message, error.size));
}

PluginHarness::~PluginHarness() {
  if (session_ != nullptr) plugin_.session->destroy(session_);
}

void PluginHarness::check(std::int32_t result, const mesura_error& error) const {
  if (result != 0) throw std::runtime_error(std::string(error.message, error.size));
}

void PluginHarness::open(std::uint32_t link) {
  offsets_[link] = 0;
  mesura_error error = no_error();
  if (plugin_.session->on_open != nullptr) check(plugin_.session->on_open(session_, link, now_ns_, &error), error);
}

void PluginHarness::close(bool final, std::uint32_t link, std::string_view reason) {
  mesura_error error = no_error();
  if (plugin_.session->on_close != nullptr)
    check(plugin_.session->on_close(session_, link, now_ns_, str(reason), final ? 1 : 0, &error), error);
}

void PluginHarness::bytes(std::string_view data, std::uint32_t link) {
  bytes(std::span{reinterpret_cast<const std::uint8_t*>(data.data()), data.size()}, link);
}

void PluginHarness::bytes(std::span<const std::uint8_t> data, std::uint32_t link) { deliver(data, {}, link); }

void PluginHarness::bytes(std::string_view data, const From& from, std::uint32_t link) {
  deliver(std::span{reinterpret_cast<const std::uint8_t*>(data.data()), data.size()}, from, link);
}

void PluginHarness::peer(std::string_view name, bool joined, std::uint32_t link) {
  mesura_error error = no_error();
  if (plugin_.session->on_peer != nullptr)
    check(plugin_.session->on_peer(session_, link, str(name), joined ? 1 : 0, now_ns_, &error), error);
}

void PluginHarness::deliver(std::span<const std::uint8_t> data, const From& from, std::uint32_t link) {
  mesura_meta meta{};
  meta.struct_size = sizeof meta;
  meta.received_ns = now_ns_;
  meta.status = from.status;
  meta.peer = str(from.peer);
  meta.topic = str(from.topic);
  std::uint64_t& offset = offsets_[link];
  meta.offset = offset;
  offset += data.size();
  mesura_error error = no_error();
  check(plugin_.session->on_bytes(session_, link, {data.data(), data.size()}, &meta, &error), error);
}

void PluginHarness::bytes_in_pieces(std::string_view data, std::span<const std::size_t> sizes, std::uint32_t link) {
  for (std::size_t i = 0; !data.empty(); ++i) {
    const std::size_t n = std::min(data.size(), sizes[i % sizes.size()]);
    bytes(data.substr(0, n), link);
    data.remove_prefix(n);
  }
}

void PluginHarness::advance(std::chrono::nanoseconds by) {
  const std::int64_t until = now_ns_ + by.count();
  for (;;) {
    const auto next = std::min_element(timers_.begin(), timers_.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
    if (next == timers_.end() || next->second > until) break;
    now_ns_ = std::max(now_ns_, next->second);
    const std::uint32_t timer = next->first;
    timers_.erase(next);
    mesura_error error = no_error();
    check(plugin_.session->on_timer(session_, timer, now_ns_, &error), error);
  }
  now_ns_ = until;
}

void PluginHarness::command(std::string_view name, const PluginOptions& arguments, bool dry_run, std::uint32_t device) {
  const auto& abi = arguments.abi();
  mesura_request request{};
  request.struct_size = sizeof request;
  request.device = device;
  request.id = 1;
  request.command = str(name);
  request.arguments = abi.data();
  request.argument_count = abi.size();
  request.dry_run = dry_run ? 1 : 0;
  mesura_error error = no_error();
  check(plugin_.session->on_command(session_, &request, &error), error);
}

std::vector<PluginEvent> PluginHarness::events(Kind kind) const {
  std::vector<PluginEvent> found;
  std::copy_if(events_.begin(), events_.end(), std::back_inserter(found),
               [&](const PluginEvent& e) { return e.kind == kind; });
  return found;
}

std::vector<std::string> PluginHarness::lines(std::initializer_list<Kind> kinds) const {
  std::vector<std::string> out;
  for (const PluginEvent& e : events_)
    if (kinds.size() == 0 || std::find(kinds.begin(), kinds.end(), e.kind) != kinds.end()) out.push_back(e.json());
  return out;
}

}  // namespace mesura::test
