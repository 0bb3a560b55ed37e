// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_api.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "virtual_digest.hpp"
#include "virtual_number.hpp"
#include "virtual_random.hpp"

namespace mesura::ct6::twin {
namespace {

constexpr std::int64_t kInitTime = 500'000'000;
constexpr std::uint64_t kMemoryChance = 20;
constexpr std::int64_t kMemoryBytes = 166'016;

/// One call of a handler; what it leaves in `body` is a JSON text.
struct Call {
  Machine& machine;
  const HttpRequest& request;
  std::int64_t now_ns;
  std::string body;
  bool threw = false;
  ApiReply::After after = ApiReply::After::nothing;
  std::int64_t busy_ns = 0;
  bool live_stats = false;

  void ok() { body = R"({"OK": true})"; }
  void reply(std::string_view key, Value value) {
    Object out;
    put(out, key, std::move(value));
    body = Value{std::move(out)}.dump();
  }
  void error(std::string text) { reply("ERROR", Value{std::move(text)}); }
};

void get_stats(Call& c) {
  c.machine.live_stats(c.now_ns, c.body);
  c.live_stats = true;
}

void get_config(Call& c) { Value{c.machine.config().object()}.dump(c.body); }

std::string upper(std::string text) {
  for (char& ch : text)
    if (ch >= 'a' && ch <= 'z') ch = static_cast<char>(ch - 'a' + 'A');
  return text;
}

void set_config(Call& c) {
  Object stored;
  for (const auto& [name, text] : c.request.arguments) {
    const std::string key = upper(name);
    if (!c.machine.config().settable(key)) continue;
    put(stored, key, stored_value(text));
    c.machine.store(key, stored_value(text));
  }
  if (stored.empty()) return c.error("Config parameter unset");
  Value{std::move(stored)}.dump(c.body);
}

void fw_version(Call& c) { c.reply("FIRMWARE_VERSION", Value{c.machine.firmware().text}); }

void get_sys_stats(Call& c) {
  const auto used =
      96'000 + static_cast<std::int64_t>(chance_of(c.machine.seed(), kMemoryChance, c.now_ns / 1'000'000'000) % 8000);
  const auto disk = c.machine.files().used();
  Object out;
  put(out, "RAM_USED_BYTES", Value{used});
  put(out, "RAM_FREE_BYTES", Value{kMemoryBytes - used});
  put(out, "RAM_TOTAL_BYTES", Value{kMemoryBytes});
  put(out, "DISK_USED_BYTES", Value{static_cast<std::int64_t>(disk)});
  put(out, "DISK_PERCENTAGE_USED", Value{static_cast<float>(disk) * 100.0F / static_cast<float>(kFlashBytes)});
  c.body = Value{std::move(out)}.dump();
}

void get_uptime(Call& c) {
  Object out;
  put(out, "OK", Value{true});
  put(out, "UPTIME_SECONDS", Value{c.machine.uptime_s(c.now_ns)});
  c.body = Value{std::move(out)}.dump();
}

void get_file_list(Call& c) {
  Array out;
  for (auto& path : c.machine.files().list()) out.emplace_back(std::move(path));
  c.body = Value{std::move(out)}.dump();
}

/// Whether MicroPython can read it as text.
bool is_text(std::string_view bytes) {
  std::size_t follow = 0;
  for (const char ch : bytes) {
    const auto byte = static_cast<unsigned char>(ch);
    if (follow > 0) {
      if ((byte & 0xC0U) != 0x80U) return false;
      --follow;
    } else if (byte >= 0x80) {
      if (byte < 0xC2 || byte > 0xF4) return false;
      follow = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
    }
  }
  return follow == 0;
}

void get_file(Call& c) {
  const std::string* const name = c.request.argument("file");
  if (name == nullptr) return c.error("No file passed to /get_file");
  const std::string* const content = c.machine.files().read(*name);
  if (content == nullptr) return c.error("[Errno 2] ENOENT");
  if (!is_text(*content)) return c.error("");  // what str() makes of a UnicodeError
  Object out;
  put(out, "OK", Value{true});
  put(out, *name, Value{*content});
  c.body = Value{std::move(out)}.dump();
}

void rmfile(Call& c) {
  const std::string* const name = c.request.argument("file");
  if (name == nullptr) return c.error("No file passed to /rmfile");
  if (!c.machine.files().remove(*name)) return c.error("Failed to delete " + *name);
  c.ok();
}

void mkdir(Call& c) {
  const std::string* const name = c.request.argument("dir");
  if (name == nullptr) return c.error("No dir passed to /mkdir");
  if (!c.machine.files().make_folder(*name)) return c.error("Failed to create " + *name);
  c.ok();
}

void rmdir(Call& c) {
  const std::string* const name = c.request.argument("dir");
  if (name == nullptr) return c.error("No dir passed to /rmdir");
  if (!c.machine.files().remove_folder(*name)) return c.error("Failed to remove " + *name);
  c.ok();
}

int other_slot(const Machine& machine) { return machine.next_slot() == 1 ? 2 : 1; }

void erase_offline_app(Call& c) {
  c.machine.files().remove_tree(slot_folder(other_slot(c.machine)));
  c.ok();
}

void active_folder(Call& c) { c.reply("ACTIVE_APP_FOLDER", Value{slot_folder(c.machine.next_slot())}); }
void inactive_folder(Call& c) { c.reply("INACTIVE_APP_FOLDER", Value{slot_folder(other_slot(c.machine))}); }

void swap_app(Call& c) {
  const int slot = other_slot(c.machine);
  c.machine.store("APP", Value{slot});
  c.reply("ACTIVE_APP_FOLDER", Value{slot});
}

void reboot(Call& c) {
  c.reply("INFO", Value{"Reboot in progress..."});
  c.after = ApiReply::After::reboot;
}

void power_cycle(Call& c) {
  c.reply("OK", Value{"POWER CYCLE IN PROGRESS"});
  c.after = ApiReply::After::power_cycle;
}

void reset_config(Call& c) {
  c.machine.reset_config();
  c.reply("INFO", Value{"The unit has been reset to the default configuration."});
}

void reset_wifi(Call& c) {
  c.machine.provision(false);
  c.ok();
}

Value network(const char* ssid, const char* bssid, int channel, int rssi, int security) {
  Object out;
  put(out, "SSID", Value{ssid});
  put(out, "BSSID", Value{bssid});
  put(out, "CHANNEL", Value{channel});
  put(out, "RSSI", Value{rssi});
  put(out, "SECURITY", Value{security});
  put(out, "HIDDEN", Value{0});
  return Value{std::move(out)};
}

void wifi_scan(Call& c) {
  Array found;
  found.push_back(network("home", "02:00:00:00:00:01", 6, -51, 3));
  found.push_back(network("neighbour", "02:00:00:00:00:02", 11, -78, 4));
  found.push_back(network("guests", "02:00:00:00:00:03", 1, -83, 0));
  c.reply("WIFI_SCAN_RESULTS", Value{std::move(found)});
}

void init_chips(Call& c) {
  c.busy_ns = kInitTime;
  c.threw = !c.machine.load_registers(c.now_ns);
  c.reply("OK", Value{"ATM90E32 init success."});
}

void save_factory(Call& c) {
  c.machine.save_factory();
  c.reply("OK", Value{"Saved factory config to factory.cfg"});
}

void get_temperature(Call& c) {
  Object out;
  put(out, "OK", Value{true});
  put(out, "CT6_BOARD_TEMPERATURE", Value{24.8F});
  c.body = Value{std::move(out)}.dump();
}

void wifi_led(Call& c) {
  if (const std::string* const mode = c.request.argument("on")) c.machine.set_wifi_led(*mode);
  c.ok();
}

void bluetooth_led(Call& c) {
  const std::string* const on = c.request.argument("on");
  c.machine.set_bluetooth_led(on != nullptr && *on == "1");
  c.ok();
}

struct Endpoint {
  std::string_view path;
  bool exact;
  int since;  ///< firmware in hundredths
  void (*handle)(Call&);
};

constexpr std::array<Endpoint, 27> kEndpoints = {{
    {"/", true, 0, get_stats},
    {"/get_machine_config", true, 0, get_config},
    {"/get_sys_stats", true, 0, get_sys_stats},
    {"/get_file_list", true, 0, get_file_list},
    {"/erase_offline_app", true, 0, erase_offline_app},
    {"/get_stats", false, 0, get_stats},
    {"/get_config", false, 0, get_config},
    {"/set_config", false, 0, set_config},
    {"/fw_version", false, 265, fw_version},
    {"/get_uptime", false, 250, get_uptime},
    {"/get_file", false, 0, get_file},
    {"/rmfile", false, 0, rmfile},
    {"/mkdir", false, 0, mkdir},
    {"/rmdir", false, 0, rmdir},
    {"/get_active_app_folder", false, 0, active_folder},
    {"/get_inactive_app_folder", false, 0, inactive_folder},
    {"/swap_active_app", false, 0, swap_app},
    {"/reboot", false, 0, reboot},
    {"/power_cycle", false, 0, power_cycle},
    {"/reset_to_default_config", false, 0, reset_config},
    {"/reset_wifi_config", false, 0, reset_wifi},
    {"/wifi_scan", false, 0, wifi_scan},
    {"/init_atm90e32_devs", false, 0, init_chips},
    {"/save_factory_cfg", false, 0, save_factory},
    {"/get_temperature", false, 0, get_temperature},
    {"/set_wifi_led", false, 250, wifi_led},
    {"/set_bluetooth_led", false, 250, bluetooth_led},
}};

bool matches(const Endpoint& e, std::string_view path, int version) {
  if (version < e.since) return false;
  return e.exact ? path == e.path : path.substr(0, e.path.size()) == e.path;
}

void dispatch(Call& c) {
  const int version = c.machine.firmware().hundredths;
  const auto at = std::find_if(kEndpoints.begin(), kEndpoints.end(),
                               [&](const Endpoint& e) { return matches(e, c.request.path, version); });
  if (at != kEndpoints.end()) {
    at->handle(c);
  } else {
    c.error(c.request.path + " is an invalid command.");
  }
}

ApiReply upload(Machine& machine, HttpRequest& request, bool spoil) {
  ApiReply reply;
  Files& files = machine.files();
  std::string folder = request.folder;
  while (!folder.empty() && folder.back() == '/') folder.pop_back();
  std::string path = folder;
  path += '/';
  path += request.name;
  if (spoil && !request.content.empty()) request.content.front() = static_cast<char>(request.content.front() ^ 1);
  const bool good = sha256_hex(request.content) == request.sha256;
  if (!files.has_folder(folder) && !files.make_folder(folder)) return reply;
  if (!files.write(path, std::move(request.content))) return reply;
  if (good) {
    reply.bytes = http_reply(R"({"OK": true})");
    return reply;
  }
  files.remove(path);
  Object out;
  put(out, "ERROR", Value{path + " XFER ERROR (deleted)."});
  reply.bytes = http_double_reply(Value{std::move(out)}.dump());
  return reply;
}

}  // namespace

ApiReply answer_request(Machine& machine, HttpRequest request, std::int64_t now_ns, bool spoil) {
  ApiReply reply;
  switch (request.kind) {
    case HttpRequest::Kind::malformed: return reply;
    case HttpRequest::Kind::other_verb: reply.bytes = http_reply(R"({"ERROR": "NO command found."})"); return reply;
    case HttpRequest::Kind::upload: return upload(machine, request, spoil);
    case HttpRequest::Kind::get: break;
  }
  Call call{machine, request, now_ns, {}};
  dispatch(call);
  reply.busy_ns = call.busy_ns;
  if (call.threw) return reply;
  std::replace(call.body.begin(), call.body.end(), '\'', '"');  // as the device does, whatever it breaks
  reply.bytes = http_reply(call.body);
  reply.after = call.after;
  reply.live_stats = call.live_stats;
  return reply;
}

}  // namespace mesura::ct6::twin
