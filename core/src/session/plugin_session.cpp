// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "session/plugin_session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <deque>
#include <utility>

namespace mesura::session {

namespace {

mesura_option_type option_type(config::Type type) {
  switch (type) {
    case config::Type::boolean: return MESURA_OPTION_BOOL;
    case config::Type::integer:
    case config::Type::port: return MESURA_OPTION_INTEGER;
    case config::Type::number: return MESURA_OPTION_NUMBER;
    case config::Type::duration: return MESURA_OPTION_DURATION;
    case config::Type::size: return MESURA_OPTION_SIZE;
    case config::Type::list: return MESURA_OPTION_LIST;
    case config::Type::map:
    case config::Type::tree: return MESURA_OPTION_MAP;
    default: return MESURA_OPTION_TEXT;
  }
}

/// The options in the shape of the ABI, with what they point to.
class AbiOptions {
 public:
  AbiOptions(const std::vector<config::Field>& fields, const config::Value& values) {
    for (const auto& field : fields) {
      const config::Value& value = values[field.name];
      if (!value.present()) continue;
      mesura_option option{};
      option.struct_size = sizeof option;
      option.type = option_type(field.schema.type);
      option.name = abi::str(field.name);
      switch (option.type) {
        case MESURA_OPTION_BOOL: option.integer = value.boolean() ? 1 : 0; break;
        case MESURA_OPTION_NUMBER: option.number = value.number(); break;
        case MESURA_OPTION_TEXT: option.text = abi::str(as_text(value)); break;
        case MESURA_OPTION_LIST:
        case MESURA_OPTION_MAP: add_entries(option, value); break;
        default: option.integer = value.integer(); break;
      }
      options_.push_back(option);
    }
  }
  /// Both texts must outlive this.
  void add_text(std::string_view name, std::string_view value) {
    mesura_option option{};
    option.struct_size = sizeof option;
    option.type = MESURA_OPTION_TEXT;
    option.name = abi::str(name);
    option.text = abi::str(value);
    options_.push_back(option);
  }
  [[nodiscard]] const std::vector<mesura_option>& list() const { return options_; }

 private:
  const std::string& as_text(const config::Value& value) {
    if (value.is_text()) return value.text();
    return texts_.emplace_back(fmt::format("{}", value.integer()));  // `rate`: a number or "auto"
  }
  void add_entries(mesura_option& option, const config::Value& value) {
    auto& entries = entries_.emplace_back();
    if (value.is_list()) {
      for (const auto& v : value.list()) entries.push_back({abi::str({}), abi::str(as_text(v))});
    } else {
      for (const auto& [key, v] : value.map()) entries.push_back({abi::str(key), abi::str(as_text(v))});
    }
    option.entries = entries.data();
    option.entry_count = entries.size();
  }

  std::vector<mesura_option> options_;
  std::deque<std::vector<mesura_option_entry>> entries_;
  std::deque<std::string> texts_;
};

/// The links in the shape of the ABI.
class AbiLinks {
 public:
  explicit AbiLinks(const std::vector<LinkDescription>& links) {
    links_.reserve(links.size());
    for (const auto& link : links) {
      links_.push_back({sizeof(mesura_link_info), static_cast<std::uint32_t>(links_.size()), abi::str(link.kind),
                        abi::str(link.address)});
      pointers_.push_back(&links_.back());
    }
  }
  [[nodiscard]] const std::vector<const mesura_link_info*>& pointers() const { return pointers_; }

 private:
  std::vector<mesura_link_info> links_;
  std::vector<const mesura_link_info*> pointers_;
};

constexpr std::size_t kMaxDevices = 1U << 16;
constexpr std::size_t kMaxSeries = 1U << 20;
constexpr std::size_t kRunsKept = 16;  // of one device
constexpr std::size_t kMaxChannels = 64;
/// A block is handed on when it has so many values: large enough that queues and files see few of them, small enough
/// to stay in the cache.
constexpr std::size_t kBlockValues = 32'768;

}  // namespace

/// The host table. Its functions are called by foreign code: no exception may leave them.
struct PluginSession::Callbacks {
  static PluginSession& self(mesura_host* host) { return *reinterpret_cast<PluginSession*>(host); }

  template <class F>
  static auto guard(mesura_host* host, F&& f, decltype(f()) fallback) noexcept {
    try {
      return f();
    } catch (const std::exception& e) {
      self(host).environment_.failed("host-error", e.what());
    }
    return fallback;
  }
  template <class F>
  static void guard(mesura_host* host, F&& f) noexcept {
    guard(
        host, [&] { return f(), 0; }, 0);
  }

  static std::uint32_t device(mesura_host* h, mesura_str key, mesura_str name) {
    return guard(
        h, [&] { return self(h).device(abi::view(key), abi::view(name)); }, MESURA_PRIMARY_DEVICE);
  }
  static std::uint32_t series(mesura_host* h, const mesura_series_info* info) {
    return guard(
        h, [&] { return self(h).series(*info); }, MESURA_NO_SERIES);
  }
  static void attribute(mesura_host* h, std::uint32_t device, mesura_str key, mesura_str value) {
    guard(h, [&] {
      auto& s = self(h);
      if (device < s.devices_.size()) s.environment_.attribute(s.devices_[device], abi::view(key), abi::view(value));
    });
  }
  static void emit(mesura_host* h, const mesura_batch* batch) {
    guard(h, [&] { self(h).emit(*batch); });
  }
  static std::uint32_t stream(mesura_host* h, const mesura_stream_info* info) {
    return guard(
        h, [&] { return self(h).stream(*info); }, MESURA_NO_STREAM);
  }
  static void waveform(mesura_host* h, const mesura_waveform* block) {
    guard(h, [&] { self(h).waveform(*block); });
  }
  static void frame(mesura_host* h, std::uint32_t link, mesura_bytes verified) {
    guard(h, [&] { self(h).environment_.frame(link, abi::view(verified)); });
  }
  static void fault(mesura_host* h, const mesura_fault* f) {
    guard(h, [&] {
      self(h).environment_.fault(Fault{static_cast<mesura_fault_kind>(f->kind), abi::view(f->code),
                                       abi::view(f->message), f->offset, f->length, f->link});
    });
  }
  static std::int32_t send(mesura_host* h, std::uint32_t link, mesura_bytes bytes, mesura_str to) {
    return guard(
        h, [&] { return self(h).environment_.send(link, abi::view(bytes), abi::view(to)) ? 0 : -1; }, -1);
  }
  static void arm(mesura_host* h, std::uint32_t timer, std::int64_t delay_ns) {
    guard(h, [&] { self(h).environment_.arm(timer, delay_ns); });
  }
  static std::int32_t open(mesura_host* h, std::uint32_t link, mesura_str spec) {
    return guard(
        h, [&] { return self(h).environment_.open(link, abi::view(spec)) ? 0 : -1; }, -1);
  }
  static void close(mesura_host* h, std::uint32_t link) {
    guard(h, [&] { self(h).environment_.close(link); });
  }
  static void drop(mesura_host* h, std::uint32_t link, mesura_str peer) {
    guard(h, [&] { self(h).environment_.drop(link, abi::view(peer)); });
  }
  static void reopen(mesura_host* h, std::uint32_t link, mesura_str reason) {
    guard(h, [&] { self(h).environment_.reopen(link, abi::view(reason)); });
  }
  static std::int32_t set_lines(mesura_host* h, std::uint32_t link, std::int32_t rts, std::int32_t dtr) {
    return guard(
        h, [&] { return self(h).environment_.set_lines(link, rts, dtr) ? 0 : -1; }, -1);
  }
  static void reply(mesura_host* h, std::uint64_t request, const mesura_reply* reply) {
    guard(h, [&] {
      self(h).environment_.reply(request,
                                 Reply{static_cast<mesura_reply_status>(reply->status), abi::view(reply->message),
                                       abi::view(reply->json), abi::view(reply->bytes)});
    });
  }
  static void fail(mesura_host* h, mesura_str code, mesura_str message) {
    guard(h, [&] { self(h).environment_.failed(abi::view(code), abi::view(message)); });
  }
  static void log(mesura_host* h, std::uint32_t level, mesura_str message) {
    guard(h, [&] {
      const auto l = level > MESURA_LOG_TRACE ? MESURA_LOG_TRACE : static_cast<mesura_log_level>(level);
      self(h).environment_.log(l, abi::view(message));
    });
  }

  static std::int32_t send_for(mesura_host* h, std::uint64_t request, std::uint32_t link, mesura_bytes bytes,
                               mesura_str to) {
    return guard(
        h, [&] { return self(h).environment_.send_for(request, link, abi::view(bytes), abi::view(to)) ? 0 : -1; }, -1);
  }
  static void progress(mesura_host* h, std::uint64_t request, std::uint64_t done, std::uint64_t total,
                       mesura_str text) {
    guard(h, [&] { self(h).environment_.progress(request, done, total, abi::view(text)); });
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

PluginSession::PluginSession(const mesura_plugin& plugin, SeriesBinder& binder, Environment& environment,
                             const SessionSetup& setup, std::int64_t now_ns)
    : plugin_(plugin),
      binder_(binder),
      environment_(environment),
      devices_{setup.device},
      fleet_(setup.fleet),
      join_waveforms_(setup.join_waveforms) {
  fault_.struct_size = sizeof fault_;
  AbiOptions options{*setup.schema, setup.options};
  if (setup.fleet_key) options.add_text("key", *setup.fleet_key);
  const AbiLinks links{setup.links};
  mesura_session_info info{};
  info.struct_size = sizeof info;
  info.device = abi::str(setup.device);
  info.options = options.list().data();
  info.option_count = options.list().size();
  info.now_ns = now_ns;
  info.live = setup.live ? 1 : 0;
  info.index = setup.index;
  info.zone = abi::str(setup.zone);
  info.links = links.pointers().data();
  info.link_count = links.pointers().size();
  info.fleet = setup.fleet_key ? 1 : 0;
  self_ = plugin_.session->create(reinterpret_cast<mesura_host*>(this), &Callbacks::table(), &info, &fault_);
  if (self_ == nullptr) {
    result(-1);
    throw SessionError(error_);
  }
}

PluginSession::~PluginSession() {
  if (self_ != nullptr) plugin_.session->destroy(self_);
}

bool PluginSession::result(std::int32_t status) {
  if (status == 0) return true;
  const std::size_t size = fault_.size < sizeof fault_.message ? fault_.size : sizeof fault_.message;
  error_ = size > 0 ? std::string{fault_.message, size} : "the plugin gave no reason";
  return false;
}

bool PluginSession::on_open(LinkId link, std::int64_t now_ns) {
  return result(plugin_.session->on_open(self_, link, now_ns, &fault_));
}

bool PluginSession::on_close(LinkId link, std::int64_t now_ns, std::string_view reason, bool final) {
  if (plugin_.session->on_close == nullptr) return true;
  return result(plugin_.session->on_close(self_, link, now_ns, abi::str(reason), final ? 1 : 0, &fault_));
}

bool PluginSession::on_bytes(LinkId link, Bytes bytes, const Meta& meta) {
  mesura_meta m{};
  m.struct_size = sizeof m;
  m.status = meta.status;
  m.received_ns = meta.received_ns;
  m.offset = meta.offset;
  m.peer = abi::str(meta.peer);
  m.topic = abi::str(meta.topic);
  return result(plugin_.session->on_bytes(self_, link, abi::bytes(bytes), &m, &fault_));
}

bool PluginSession::on_peer(LinkId link, std::string_view peer, bool joined, std::int64_t now_ns) {
  if (plugin_.session->struct_size < offsetof(mesura_session_api, on_peer) + sizeof(void*) ||
      plugin_.session->on_peer == nullptr)
    return true;
  return result(plugin_.session->on_peer(self_, link, abi::str(peer), joined ? 1 : 0, now_ns, &fault_));
}

bool PluginSession::on_command(std::uint64_t id, std::string_view name, const std::vector<config::Field>& fields,
                               const config::Value& arguments, bool dry_run, std::string_view device) {
  if (plugin_.session->on_command == nullptr) {
    environment_.reply(id, Reply{MESURA_REPLY_REFUSED, "this device has no commands", {}, {}});
    return true;
  }
  const AbiOptions options{fields, arguments};
  mesura_request request{};
  request.struct_size = sizeof request;
  request.device = MESURA_PRIMARY_DEVICE;
  if (!device.empty()) {
    const auto known = std::find(devices_.begin(), devices_.end(), device);
    if (known == devices_.end()) {
      environment_.reply(id, Reply{MESURA_REPLY_UNREACHABLE, "it has not been heard of since the start", {}, {}});
      return true;
    }
    request.device = static_cast<std::uint32_t>(known - devices_.begin());
  }
  request.id = id;
  request.command = abi::str(name);
  request.arguments = options.list().data();
  request.argument_count = options.list().size();
  request.dry_run = dry_run ? 1 : 0;
  return result(plugin_.session->on_command(self_, &request, &fault_));
}

bool PluginSession::on_cancel(std::uint64_t id, std::int64_t now_ns) {
  const auto* session = plugin_.session;
  if (!abi::has(session, &mesura_session_api::on_cancel)) {
    environment_.reply(id, Reply{MESURA_REPLY_UNREACHABLE, "called off", {}, {}});
    return true;
  }
  return result(session->on_cancel(self_, id, now_ns, &fault_));
}

bool PluginSession::on_timer(TimerId timer, std::int64_t now_ns) {
  if (plugin_.session->on_timer == nullptr) return true;
  return result(plugin_.session->on_timer(self_, timer, now_ns, &fault_));
}

std::uint32_t PluginSession::device(std::string_view key, std::string_view name) {
  if (const auto known = device_by_key_.find(key); known != device_by_key_.end()) return known->second;
  if (devices_.size() >= kMaxDevices)
    throw SessionError(fmt::format("more than {} devices in one session", kMaxDevices));
  const auto number = static_cast<std::uint32_t>(devices_.size());
  if (fleet_ != nullptr) {
    auto named = fleet_->device(key, name);
    if (!named.warning.empty()) environment_.log(MESURA_LOG_WARN, named.warning);
    devices_.push_back(std::move(named.device));
  } else {
    std::string snake = snake_case(name.empty() ? key : name);
    if (snake.empty()) snake = "device";
    std::string device = devices_.front() + "_" + snake;
    for (int n = 2; std::find(devices_.begin(), devices_.end(), device) != devices_.end(); ++n)
      device = fmt::format("{}_{}_{}", devices_.front(), snake, n);
    devices_.push_back(std::move(device));
  }
  device_by_key_.emplace(key, number);
  return number;
}

std::uint32_t PluginSession::series(const mesura_series_info& info) {
  if (info.device >= devices_.size()) return MESURA_NO_SERIES;
  if (series_.size() >= kMaxSeries) throw SessionError(fmt::format("more than {} series in one session", kMaxSeries));
  auto bound = binder_.bind(devices_[info.device], info);
  if (!bound) {
    environment_.log(MESURA_LOG_WARN, bound.error);
    return MESURA_NO_SERIES;
  }
  series_.push_back(bound.series);
  return static_cast<std::uint32_t>(series_.size() - 1);
}

void PluginSession::emit(const mesura_batch& in) {
  if (in.device >= devices_.size())
    throw SessionError(fmt::format("emit for device {}, which was never asked for", in.device));
  auto batch = std::make_shared<Batch>();
  batch->device = devices_[in.device];
  batch->received_ns = in.received_ns;
  batch->time_ns = in.time_ns == MESURA_NO_TIME ? in.received_ns : in.time_ns;
  batch->items.reserve(in.count);
  for (std::uint32_t i = 0; i < in.count; ++i) {
    const mesura_measurement& item = in.items[i];
    if (item.series >= series_.size()) continue;  // refused when it was asked for, and said so then
    const SeriesBinder::Bound& bound = series_[item.series];
    Measurement m{};
    m.time_ns = item.time_ns == MESURA_NO_TIME ? batch->time_ns : item.time_ns;
    m.series = bound.id;
    m.type = item.type;
    m.quality = item.quality;
    if (item.type == MESURA_TEXT) {
      m.text_offset = static_cast<std::uint32_t>(batch->texts.size());
      m.text_size = item.text_size;
      batch->texts.append(item.text, item.text_size);
    } else {
      m.number = bound.identity ? item.number : bound.factor * item.number + bound.offset;
    }
    batch->items.push_back(m);
  }
  environment_.emit(std::move(batch));
}

std::uint32_t PluginSession::stream(const mesura_stream_info& info) {
  if (info.device >= devices_.size() || info.channels == 0 || info.channels > kMaxChannels || !(info.period_ns > 0)) {
    environment_.log(MESURA_LOG_WARN, fmt::format("waveform refused: expected a known device, 1 to {} channels and a "
                                                  "period above 0, got {} channels and {} ns",
                                                  kMaxChannels, info.channels, info.period_ns));
    return MESURA_NO_STREAM;
  }
  static std::atomic<std::uint64_t> next_id{1};
  auto stream = std::make_shared<WaveformStream>();
  stream->id = next_id.fetch_add(1, std::memory_order_relaxed);
  stream->device = devices_[info.device];
  stream->start_ns = info.start_ns;
  stream->period_ns = info.period_ns;
  for (std::uint32_t i = 0; i < info.channels; ++i) {
    stream->names.emplace_back(abi::view(info.channel_names[i]));
    stream->units.emplace_back(abi::view(info.channel_units[i]));
  }
  // A device that connects again and again begins a run each time: the oldest of them are over.
  auto& numbers = streams_of_[info.device];
  std::uint32_t number = static_cast<std::uint32_t>(streams_.size());
  if (numbers.size() >= kRunsKept) {
    number = numbers.front();
    numbers.pop_front();
    flush(streams_[number]);
    streams_[number].stream = std::move(stream);
  } else {
    streams_.push_back({std::move(stream), nullptr});
  }
  numbers.push_back(number);
  return number;
}

void PluginSession::waveform(const mesura_waveform& block) {
  if (block.stream >= streams_.size() || block.rows == 0) return;
  StreamState& state = streams_[block.stream];
  const std::size_t values = block.rows * state.stream->channels();
  const bool fits = state.pending && block.gap_rows == 0 &&
                    block.first_row == state.pending->first_row + state.pending->rows &&
                    state.pending->samples.size() + values <= kBlockValues;
  if (!fits) {
    flush(state);
    state.pending = std::make_shared<Waveform>();
    state.pending->stream = state.stream;
    state.pending->first_row = block.first_row;
    state.pending->gap_rows = block.gap_rows;
    state.pending->packet = block.packet;
    state.pending->samples.reserve(join_waveforms_ ? std::max(values, kBlockValues) : values);
    ++held_waveforms_;
  }
  // Not resize and memcpy: that would write everything twice. The copy is bytewise, so alignment does not matter.
  const auto* first = static_cast<const float*>(block.samples);
  state.pending->samples.insert(state.pending->samples.end(), first, first + values);
  state.pending->rows += block.rows;
  state.pending->received_ns = block.received_ns;
  if (!join_waveforms_) flush(state);
}

void PluginSession::flush(StreamState& state) {
  if (!state.pending) return;
  --held_waveforms_;
  auto batch = std::make_shared<Batch>();
  batch->device = state.stream->device;
  batch->time_ns = state.stream->time_ns(state.pending->first_row);
  batch->received_ns = state.pending->received_ns;
  batch->waveform = std::exchange(state.pending, nullptr);
  environment_.emit(std::move(batch));
}

void PluginSession::flush_waveforms() {
  if (held_waveforms_ == 0) return;
  for (auto& state : streams_) flush(state);
}

}  // namespace mesura::session
