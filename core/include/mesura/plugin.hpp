// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The C++ side of the plugin border: header only, links nothing.
//
//     class PulseCounter final : public mesura::Device {
//      public:
//       using Device::Device;
//       void on_bytes(mesura::LinkId, mesura::Bytes bytes, const mesura::Meta& meta) override { ... emit(...); }
//     };
//     MESURA_PLUGIN(PulseCounter, "pulse_counter", "1.0.0", R"(summary: Pulses on a serial line ...)")
//
// A device sees bytes, timers and commands, and calls the host back; it never opens, sleeps, reads a clock or logs to a
// file. Calls to one device never overlap. What it throws ends its own session only: the host makes a new one after a
// back-off.
#pragma once

#include <mesura/plugin_abi.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace mesura {

using Bytes = std::span<const std::uint8_t>;
using LinkId = std::uint32_t;   ///< index into the schema's `links`
using TimerId = std::uint32_t;  ///< chosen by the device
using SeriesId = std::uint32_t;
using StreamId = std::uint32_t;
using DeviceId = std::uint32_t;

namespace abi {

inline mesura_str str(std::string_view s) { return {s.data(), s.size()}; }
inline std::string_view view(mesura_str s) {
  return s.data == nullptr ? std::string_view{} : std::string_view{s.data, s.size};
}
inline mesura_bytes bytes(Bytes b) { return {b.data(), b.size()}; }
inline Bytes view(mesura_bytes b) { return {b.data, b.size}; }

/// The first `limit` bytes of a UTF-8 text at most, without half a character at the end.
inline std::string_view cut(std::string_view text, std::size_t limit) noexcept {
  if (text.size() <= limit) return text;
  while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xC0U) == 0x80U) --limit;
  return text.substr(0, limit);
}

/// Whether the other side's table is long enough to have this member, and has it.
template <class Table, class Member>
bool has(const Table* table, Member Table::*member) noexcept {
  const auto* start = reinterpret_cast<const char*>(table);
  const auto* end = reinterpret_cast<const char*>(&(table->*member)) + sizeof(Member);
  return static_cast<std::size_t>(end - start) <= table->struct_size && table->*member != nullptr;
}

inline void set_error(mesura_error* error, std::string_view message) noexcept {
  if (error == nullptr || error->struct_size < offsetof(mesura_error, message) + sizeof(error->message)) return;
  message = cut(message, sizeof(error->message));
  std::memcpy(error->message, message.data(), message.size());
  error->size = static_cast<std::uint32_t>(message.size());
}

}  // namespace abi

/// What is known about received bytes.
struct Meta {
  std::int64_t received_ns = 0;  ///< when the last of the bytes arrived, ns since the epoch, UTC
  std::uint64_t offset = 0;      ///< of the first byte in the link's stream since it opened
  std::string_view peer;         ///< "192.168.0.34:29340", or empty
  std::string_view topic;        ///< MQTT topic, or the `to` of the HTTP request that this answers, or empty
  int status = 0;                ///< of an HTTP answer; -1: the request failed, the bytes are the reason; else 0
};

/// The validated options of one session. Absent options have neither a configured value nor a default.
class Options {
 public:
  Options(const mesura_option* options, std::size_t count) : options_(options), count_(count) {}

  [[nodiscard]] const mesura_option* find(std::string_view name) const {
    for (std::size_t i = 0; i < count_; ++i)
      if (abi::view(options_[i].name) == name) return &options_[i];
    return nullptr;
  }
  [[nodiscard]] bool has(std::string_view name) const { return find(name) != nullptr; }
  [[nodiscard]] std::string_view text(std::string_view name, std::string_view fallback = {}) const {
    const auto* o = find(name);
    return o != nullptr ? abi::view(o->text) : fallback;
  }
  [[nodiscard]] std::int64_t integer(std::string_view name, std::int64_t fallback = 0) const {
    const auto* o = find(name);
    return o != nullptr ? o->integer : fallback;
  }
  [[nodiscard]] double number(std::string_view name, double fallback = 0) const {
    const auto* o = find(name);
    if (o == nullptr) return fallback;
    return o->type == MESURA_OPTION_NUMBER ? o->number : static_cast<double>(o->integer);
  }
  [[nodiscard]] bool flag(std::string_view name, bool fallback = false) const {
    return integer(name, fallback ? 1 : 0) != 0;
  }
  [[nodiscard]] std::chrono::nanoseconds duration(std::string_view name, std::chrono::nanoseconds fallback = {}) const {
    return std::chrono::nanoseconds{integer(name, fallback.count())};
  }
  /// Each of them, in the order of the schema.
  [[nodiscard]] std::span<const mesura_option> all() const { return {options_, count_}; }
  /// A list (keys empty) or a map, in the order of the configuration.
  [[nodiscard]] std::span<const mesura_option_entry> entries(std::string_view name) const {
    const auto* o = find(name);
    return o != nullptr ? std::span{o->entries, o->entry_count} : std::span<const mesura_option_entry>{};
  }

 private:
  const mesura_option* options_;
  std::size_t count_;
};

/// What a link runs over.
struct LinkInfo {
  std::string_view kind;     ///< "serial", "tcp", "udp", "hid", "file", ...; empty: not configured
  std::string_view address;  ///< where: "192.168.0.34:29340", "/dev/ttyUSB0"; for what is listened to, the own address
};

/// What a session is made from; the views live as long as the constructor runs.
struct SessionInfo {
  std::string_view device;
  Options options;
  std::int64_t now_ns;
  bool live;            ///< false: a recording or a file
  std::uint32_t index;  ///< of this instance among several equal ones (simulate --count)
  std::string_view zone;
  bool fleet = false;  ///< stands for many devices, each named with Host::device
  const mesura_link_info* const* links = nullptr;
  std::size_t link_count = 0;

  /// An unconfigured link has an empty kind.
  [[nodiscard]] LinkInfo link(LinkId id) const {
    if (id >= link_count) return {};
    return {abi::view(links[id]->kind), abi::view(links[id]->address)};
  }
};

/// A series as the plugin names it. Unit, kind and decimals come from the vocabulary unless the plugin's schema adds
/// the quantity.
struct Series {
  std::string_view channel;
  std::string_view quantity;
  std::string_view label = {};
  std::string_view source = {};
  DeviceId device = MESURA_PRIMARY_DEVICE;
  int decimals = -1;
};

/// The layout of a run of waveform blocks (mesura_stream_info has the meaning of each).
struct Stream {
  std::int64_t start_ns = 0;
  double period_ns = 0;
  std::span<const std::string_view> names;  ///< one per channel
  std::span<const std::string_view> units;  ///< as many
  DeviceId device = MESURA_PRIMARY_DEVICE;
};

struct Fault {
  mesura_fault_kind kind = MESURA_FAULT_FRAME;
  std::string_view code;
  std::string_view message;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  LinkId link = 0;
};

/// The host's services, a thin typed view of mesura_host_api.
class Host {
 public:
  Host(mesura_host* host, const mesura_host_api* api) : host_(host), api_(api) {}

  DeviceId device(std::string_view key, std::string_view name) {
    return api_->device(host_, abi::str(key), abi::str(name));
  }
  SeriesId series(const Series& s) {
    mesura_series_info info{};
    info.struct_size = sizeof info;
    info.device = s.device;
    info.channel = abi::str(s.channel);
    info.quantity = abi::str(s.quantity);
    info.label = abi::str(s.label);
    info.source = abi::str(s.source);
    info.kind = -1;
    info.decimals = static_cast<std::int8_t>(s.decimals);
    return api_->series(host_, &info);
  }
  void attribute(std::string_view key, std::string_view value, DeviceId device = MESURA_PRIMARY_DEVICE) {
    api_->attribute(host_, device, abi::str(key), abi::str(value));
  }
  void emit(std::span<const mesura_measurement> items, std::int64_t time_ns, std::int64_t received_ns,
            DeviceId device = MESURA_PRIMARY_DEVICE) {
    mesura_batch batch{};
    batch.struct_size = sizeof batch;
    batch.device = device;
    batch.time_ns = time_ns;
    batch.received_ns = received_ns;
    batch.items = items.data();
    batch.count = static_cast<std::uint32_t>(items.size());
    api_->emit(host_, &batch);
  }
  /// At most 32 channels.
  StreamId stream(const Stream& s) {
    constexpr std::size_t kMost = 32;
    if (s.names.size() > kMost || s.units.size() != s.names.size()) return MESURA_NO_STREAM;
    mesura_str names[kMost];
    mesura_str units[kMost];
    for (std::size_t i = 0; i < s.names.size(); ++i) {
      names[i] = abi::str(s.names[i]);
      units[i] = abi::str(s.units[i]);
    }
    mesura_stream_info info{};
    info.struct_size = sizeof info;
    info.device = s.device;
    info.start_ns = s.start_ns;
    info.period_ns = s.period_ns;
    info.channel_names = names;
    info.channel_units = units;
    info.channels = static_cast<std::uint32_t>(s.names.size());
    return api_->stream(host_, &info);
  }
  /// Set everything but struct_size.
  void waveform(mesura_waveform block) {
    block.struct_size = sizeof block;
    api_->waveform(host_, &block);
  }
  void frame(LinkId link, Bytes verified) { api_->frame(host_, link, abi::bytes(verified)); }
  void fault(const Fault& f) {
    mesura_fault fault{};
    fault.struct_size = sizeof fault;
    fault.kind = f.kind;
    fault.code = abi::str(f.code);
    fault.message = abi::str(f.message);
    fault.offset = f.offset;
    fault.length = f.length;
    fault.link = f.link;
    api_->fault(host_, &fault);
  }
  bool send(LinkId link, Bytes bytes, std::string_view to = {}) {
    return api_->send(host_, link, abi::bytes(bytes), abi::str(to)) == 0;
  }
  bool send(LinkId link, std::string_view text, std::string_view to = {}) {
    return send(link, Bytes{reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, to);
  }
  void arm(TimerId timer, std::chrono::nanoseconds delay) {
    api_->arm(host_, timer, delay.count() < 0 ? 0 : delay.count());
  }
  void disarm(TimerId timer) { api_->arm(host_, timer, -1); }
  bool open(LinkId link, std::string_view spec) { return api_->open(host_, link, abi::str(spec)) == 0; }
  void close(LinkId link) { api_->close(host_, link); }
  void drop(LinkId link, std::string_view peer) { api_->drop(host_, link, abi::str(peer)); }
  void reopen(LinkId link, std::string_view reason) { api_->reopen(host_, link, abi::str(reason)); }
  bool set_lines(LinkId link, int rts, int dtr) { return api_->set_lines(host_, link, rts, dtr) == 0; }
  void reply(std::uint64_t request, mesura_reply_status status, std::string_view message, std::string_view json = {},
             Bytes bytes = {}) {
    mesura_reply r{};
    r.struct_size = sizeof r;
    r.status = status;
    r.message = abi::str(message);
    r.json = abi::str(json);
    r.bytes = abi::bytes(bytes);
    api_->reply(host_, request, &r);
  }
  /// As send, on behalf of a command; whatever changes the device goes out this way and no other (mesura_host_api). An
  /// older host takes no commands that change anything.
  bool send_for(std::uint64_t request, LinkId link, Bytes bytes, std::string_view to = {}) {
    return abi::has(api_, &mesura_host_api::send_for) &&
           api_->send_for(host_, request, link, abi::bytes(bytes), abi::str(to)) == 0;
  }
  bool send_for(std::uint64_t request, LinkId link, std::string_view text, std::string_view to = {}) {
    return send_for(request, link, Bytes{reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, to);
  }
  /// How far a long command is; `total` 0: not known.
  void progress(std::uint64_t request, std::uint64_t done, std::uint64_t total, std::string_view text) {
    if (abi::has(api_, &mesura_host_api::progress)) api_->progress(host_, request, done, total, abi::str(text));
  }
  void fail(std::string_view code, std::string_view message) { api_->fail(host_, abi::str(code), abi::str(message)); }
  void log(mesura_log_level level, std::string_view message) { api_->log(host_, level, abi::str(message)); }

 private:
  mesura_host* host_;
  const mesura_host_api* api_;
};

/// A measurement of a number at the batch's time.
inline mesura_measurement number(SeriesId series, double value, std::int64_t time_ns = MESURA_NO_TIME,
                                 std::uint8_t quality = MESURA_GOOD) {
  mesura_measurement m{};
  m.time_ns = time_ns;
  m.number = value;
  m.series = series;
  m.type = MESURA_NUMBER;
  m.quality = quality;
  return m;
}

/// A measurement of a text; the view must live until emit returns. Texts beyond 65 535 bytes are cut.
inline mesura_measurement text(SeriesId series, std::string_view value, std::int64_t time_ns = MESURA_NO_TIME,
                               std::uint8_t quality = MESURA_GOOD) {
  value = abi::cut(value, UINT16_MAX);
  mesura_measurement m{};
  m.time_ns = time_ns;
  m.text = value.data();
  m.series = series;
  m.text_size = static_cast<std::uint16_t>(value.size());
  m.type = MESURA_TEXT;
  m.quality = quality;
  return m;
}

/// A command to be answered with host().reply(id, ...), now or later.
struct Command {
  std::uint64_t id;
  std::string_view name;
  Options arguments;
  DeviceId device;
  bool dry_run;  ///< ask what must be known, hand what would change the device to send_for, answer MESURA_REPLY_PLAN
};

/// The base of every device session. Derived classes take (Host, const SessionInfo&) and pass the host on.
class Device {
 public:
  explicit Device(Host host, const SessionInfo&) : host_(host) {}
  virtual ~Device() = default;
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  virtual void on_open(LinkId, std::int64_t /*now_ns*/) {}
  /// `final`: no more bytes can ever come (end of a file); finish what is pending.
  virtual void on_close(LinkId, std::int64_t /*now_ns*/, std::string_view /*reason*/, bool /*final*/) {}
  virtual void on_bytes(LinkId, Bytes, const Meta&) = 0;
  virtual void on_timer(TimerId, std::int64_t /*now_ns*/) {}
  /// A peer of a link that waits for connections has come (`joined`) or gone.
  virtual void on_peer(LinkId, std::string_view /*peer*/, bool /*joined*/, std::int64_t /*now_ns*/) {}
  virtual void on_command(const Command& c) { host_.reply(c.id, MESURA_REPLY_REFUSED, "this device has no commands"); }
  /// This command's time is over, or it was called off: end it where the device is safe, then reply.
  virtual void on_cancel(std::uint64_t request, std::int64_t /*now_ns*/) {
    host_.reply(request, MESURA_REPLY_UNREACHABLE, "called off");
  }

 protected:
  Host& host() { return host_; }

 private:
  Host host_;
};

namespace abi {

/// Runs `f` and turns whatever it throws into an error value: no exception crosses the border.
template <class F>
std::int32_t guarded(mesura_error* error, F&& f) noexcept {
  try {
    f();
    return 0;
  } catch (const std::exception& e) {
    const char* what = e.what();
    set_error(error, what != nullptr ? what : "exception without a text");
  } catch (...) {
    set_error(error, "unknown exception");
  }
  return -1;
}

template <class D>
struct Glue {
  static_assert(std::is_base_of_v<Device, D>);

  static void* create(mesura_host* host, const mesura_host_api* api, const mesura_session_info* info,
                      mesura_error* error) noexcept {
    void* made = nullptr;
    guarded(error, [&] {
      const SessionInfo session{view(info->device), Options{info->options, info->option_count},
                                info->now_ns,       info->live != 0,
                                info->index,        view(info->zone),
                                info->fleet != 0,   info->links,
                                info->link_count};
      made = static_cast<Device*>(new D(Host{host, api}, session));
    });
    return made;
  }
  static void destroy(void* self) noexcept { delete static_cast<Device*>(self); }
  static std::int32_t on_open(void* self, std::uint32_t link, std::int64_t now_ns, mesura_error* error) noexcept {
    return guarded(error, [&] { static_cast<Device*>(self)->on_open(link, now_ns); });
  }
  static std::int32_t on_close(void* self, std::uint32_t link, std::int64_t now_ns, mesura_str reason,
                               std::uint32_t final, mesura_error* error) noexcept {
    return guarded(error, [&] { static_cast<Device*>(self)->on_close(link, now_ns, view(reason), final != 0); });
  }
  static std::int32_t on_bytes(void* self, std::uint32_t link, mesura_bytes bytes, const mesura_meta* m,
                               mesura_error* error) noexcept {
    return guarded(error, [&] {
      static_cast<Device*>(self)->on_bytes(link, view(bytes),
                                           Meta{m->received_ns, m->offset, view(m->peer), view(m->topic), m->status});
    });
  }
  static std::int32_t on_timer(void* self, std::uint32_t timer, std::int64_t now_ns, mesura_error* error) noexcept {
    return guarded(error, [&] { static_cast<Device*>(self)->on_timer(timer, now_ns); });
  }
  static std::int32_t on_command(void* self, const mesura_request* r, mesura_error* error) noexcept {
    return guarded(error, [&] {
      static_cast<Device*>(self)->on_command(
          Command{r->id, view(r->command), Options{r->arguments, r->argument_count}, r->device, r->dry_run != 0});
    });
  }
  static std::int32_t on_peer(void* self, std::uint32_t link, mesura_str peer, std::uint32_t joined,
                              std::int64_t now_ns, mesura_error* error) noexcept {
    return guarded(error, [&] { static_cast<Device*>(self)->on_peer(link, view(peer), joined != 0, now_ns); });
  }

  static std::int32_t on_cancel(void* self, std::uint64_t request, std::int64_t now_ns, mesura_error* error) noexcept {
    return guarded(error, [&] { static_cast<Device*>(self)->on_cancel(request, now_ns); });
  }

  static mesura_session_api session_table() {
    mesura_session_api s{};
    s.struct_size = sizeof s;
    s.create = &create;
    s.destroy = &destroy;
    s.on_open = &on_open;
    s.on_close = &on_close;
    s.on_bytes = &on_bytes;
    s.on_timer = &on_timer;
    s.on_command = &on_command;
    s.on_peer = &on_peer;
    s.on_cancel = &on_cancel;
    return s;
  }

  /// The tables are the caller's: as static members of this template they would be one object for all libraries that
  /// have a class of the same name (STB_GNU_UNIQUE), RTLD_LOCAL or not.
  static mesura_plugin descriptor(std::string_view name, std::string_view version, std::string_view schema,
                                  const mesura_session_api* session, const mesura_plugin* virtual_device = nullptr) {
    mesura_plugin p{};
    p.struct_size = sizeof p;
    p.abi_major = MESURA_ABI_MAJOR;
    p.abi_minor = MESURA_ABI_MINOR;
    p.name = str(name);
    p.version = str(version);
    p.schema = str(schema);
    p.session = session;
    p.virtual_device = virtual_device;
    return p;
  }
};

}  // namespace abi
}  // namespace mesura

/// Makes `Class` the plugin of this library. `schema`: YAML text (docs/plugin-schema.md), it must outlive the library.
#define MESURA_PLUGIN(Class, name, version, schema)                                                                  \
  extern "C" MESURA_PLUGIN_EXPORT const mesura_plugin* mesura_plugin_query(const mesura_host_info*, mesura_error*) { \
    using MesuraGlue = ::mesura::abi::Glue<Class>;                                                                   \
    static const mesura_session_api session = MesuraGlue::session_table();                                           \
    static const mesura_plugin plugin = MesuraGlue::descriptor(name, version, schema, &session);                     \
    return &plugin;                                                                                                  \
  }

/// The same with a virtual device, whose own options stand in `virtual_schema`.
#define MESURA_PLUGIN_WITH_VIRTUAL(Class, name, version, schema, Virtual, virtual_schema)                            \
  extern "C" MESURA_PLUGIN_EXPORT const mesura_plugin* mesura_plugin_query(const mesura_host_info*, mesura_error*) { \
    using MesuraGlue = ::mesura::abi::Glue<Class>;                                                                   \
    using MesuraTwin = ::mesura::abi::Glue<Virtual>;                                                                 \
    static const mesura_session_api twin_session = MesuraTwin::session_table();                                      \
    static const mesura_plugin twin = MesuraTwin::descriptor(name, version, virtual_schema, &twin_session);          \
    static const mesura_session_api session = MesuraGlue::session_table();                                           \
    static const mesura_plugin plugin = MesuraGlue::descriptor(name, version, schema, &session, &twin);              \
    return &plugin;                                                                                                  \
  }
