// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Firmware over the air: the new app goes into the slot that does not run, is verified there, and only then started.
// The boot script does not fall back by itself, so this goes back when the new app does not come up as it should.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "command_list.hpp"
#include "json_text.hpp"
#include "text_value.hpp"

namespace mesura::ct6 {
namespace {

constexpr std::size_t kBlock = 4096;
constexpr int kRecalibrateSince = 280;  // 2.8 changed the input gain
constexpr std::size_t kShown = 60;
constexpr std::string_view kUntouched = "; the app that runs is untouched, and the command can be repeated";

[[noreturn]] void refuse(std::string message) { throw CommandEnd{MESURA_REPLY_INVALID, std::move(message)}; }

struct AppFile {
  std::string folder;  ///< below the slot: "" or "lib/drivers"
  std::string name;
  std::string content;
};

struct Firmware {
  std::vector<AppFile> files;  ///< folders before what is in them
  std::vector<std::string> folders;
  std::vector<std::string> skipped;
  std::string version;
  std::size_t bytes = 0;
  std::size_t blocks = 0;
};

/// "2.69" -> 269, "3.1" -> 310.
std::optional<int> hundredths(std::string_view text) {
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos || dot == 0 || dot > 2 || text.size() - dot < 2 || text.size() - dot > 3)
    return std::nullopt;
  int whole = 0, part = 0;
  const char* const end = text.data() + text.size();
  if (std::from_chars(text.data(), text.data() + dot, whole).ptr != text.data() + dot) return std::nullopt;
  if (std::from_chars(text.data() + dot + 1, end, part).ptr != end) return std::nullopt;
  return whole * 100 + (text.size() - dot == 2 ? part * 10 : part);
}

/// The first version such as 3.1 within `reach` bytes.
std::optional<std::string> version_near(std::string_view text, std::size_t reach) {
  const auto digit = [&](std::size_t i) { return i < text.size() && text[i] >= '0' && text[i] <= '9'; };
  for (std::size_t i = 0; i < std::min(reach, text.size()); ++i) {
    if (!digit(i) || (i > 0 && (digit(i - 1) || text[i - 1] == '.'))) continue;
    std::size_t dot = i;
    while (digit(dot)) ++dot;
    std::size_t end = dot + 1;
    while (digit(end)) ++end;
    if (dot >= text.size() || text[dot] != '.' || end == dot + 1) continue;
    std::string found{text.substr(i, end - i)};
    if (hundredths(found)) return found;
  }
  return std::nullopt;
}

std::string find_version(const Firmware& firmware) {
  constexpr std::size_t kReach = 32;
  for (const AppFile& f : firmware.files)
    if (f.folder.empty() && (f.name == "version" || f.name == "version.txt"))
      if (auto found = version_near(f.content, f.content.size())) return *found;
  // Constants stand as text in bytecode, too.
  for (const AppFile& f : firmware.files) {
    constexpr std::string_view kWord = "FIRMWARE_VERSION";
    for (std::size_t at = f.content.find(kWord); at != std::string::npos; at = f.content.find(kWord, at + 1))
      if (auto found = version_near(std::string_view{f.content}.substr(at + kWord.size()), kReach)) return *found;
  }
  return {};
}

bool hidden(std::string_view path) {
  return path.starts_with('.') || path.find("/.") != std::string_view::npos ||
         path.find("__pycache__") != std::string_view::npos || path.ends_with(".pyc");
}

/// The vendor's sources have the app in a folder app1.
std::string_view common_folder(const CommandArguments::Entries& tree) {
  for (const std::string_view folder : {std::string_view{"app1/"}, std::string_view{"app2/"}})
    if (!tree.empty() &&
        std::all_of(tree.begin(), tree.end(), [&](const auto& f) { return f.first.starts_with(folder); }))
      return folder;
  return {};
}

void add_folders(const std::string& folder, std::set<std::string>& folders) {
  for (std::size_t slash = folder.find('/'); slash != std::string::npos; slash = folder.find('/', slash + 1))
    folders.insert(folder.substr(0, slash));
  if (!folder.empty()) folders.insert(folder);
}

Firmware read_tree(const CommandArguments& given) {
  const auto& tree = given.entries("firmware");
  const std::string_view common = common_folder(tree);
  Firmware firmware;
  std::map<std::string, const std::string*> wanted;
  for (const auto& [path, content] : tree) {
    std::string name = path.substr(common.size());
    if (name.find("..") == std::string::npos && hidden(name)) {
      firmware.skipped.push_back(name);
    } else {
      wanted.emplace(std::move(name), &content);
    }
  }
  std::vector<std::string> sources;
  std::set<std::string> folders;
  for (const auto& [path, content] : wanted) {
    if (path.ends_with(".py")) {
      if (wanted.contains(path.substr(0, path.size() - 2) + "mpy")) {
        firmware.skipped.push_back(path);
        continue;
      }
      sources.push_back(path);
    }
    const std::string problem = name_problem(path);
    if (!problem.empty()) refuse("firmware: " + problem);
    const std::size_t slash = path.rfind('/');
    AppFile file;
    file.folder = slash == std::string::npos ? "" : path.substr(0, slash);
    file.name = slash == std::string::npos ? path : path.substr(slash + 1);
    file.content = *content;
    add_folders(file.folder, folders);
    firmware.bytes += content->size();
    firmware.blocks += (content->size() + kBlock - 1) / kBlock;
    firmware.files.push_back(std::move(file));
  }
  if (!sources.empty() && !given.flag("allow_source"))
    refuse(fmt::format(
        "firmware: {} source file(s) such as {}: the unit runs bytecode. Compile each with the mpy-cross of the "
        "MicroPython that is on the unit (`mpy-cross -march=armv6m {}`) and give the folder with the .mpy files; "
        "allow_source=true sends them as they are, which costs the unit much memory at each start",
        sources.size(), sources.front(), sources.front()));
  if (firmware.files.empty()) refuse("firmware: expected the files of an app, got none");
  firmware.folders.assign(folders.begin(), folders.end());
  firmware.blocks += firmware.folders.size() + 1;
  // Files of upper folders first: the unit makes one level of folders by itself.
  std::stable_sort(firmware.files.begin(), firmware.files.end(), [](const AppFile& a, const AppFile& b) {
    return std::count(a.folder.begin(), a.folder.end(), '/') + (a.folder.empty() ? 0 : 1) <
           std::count(b.folder.begin(), b.folder.end(), '/') + (b.folder.empty() ? 0 : 1);
  });
  firmware.version = given.has("version") ? given.text("version") : find_version(firmware);
  return firmware;
}

void check_versions(const CommandArguments& given, const Firmware& firmware, const std::string& present) {
  const auto next = hundredths(firmware.version), now = hundredths(present);
  if (firmware.version.empty())
    refuse("version: the files do not tell which firmware they are; say so with version=3.1");
  if (!next)
    refuse(fmt::format("version: expected a version such as 3.1, got '{}'", excerpt(firmware.version, kShown)));
  if (!now)
    refuse(fmt::format("the unit says that it has firmware '{}', which is no version", excerpt(present, kShown)));
  if (*next == *now && !given.flag("same_version"))
    refuse(fmt::format("the unit has firmware {} already; same_version=true sends it again", present));
  if ((*next < kRecalibrateSince) != (*now < kRecalibrateSince) && !given.flag("recalibrate_accepted"))
    refuse(
        fmt::format("from {} to {}: 2.8 changed the input gain by 4, so every CT port must be calibrated anew "
                    "afterwards; recalibrate_accepted=true accepts that",
                    present, firmware.version));
}

struct Slots {
  std::string active, inactive;
};

Task<Slots> read_slots(CommandRun& run) {
  const Reply active = co_await run.must_get("/get_active_app_folder");
  const Reply inactive = co_await run.must_get("/get_inactive_app_folder");
  Slots slots{member(active.body, "ACTIVE_APP_FOLDER"), member(inactive.body, "INACTIVE_APP_FOLDER")};
  const auto is_slot = [](const std::string& folder) { return folder == "/app1" || folder == "/app2"; };
  if (!is_slot(slots.active) || !is_slot(slots.inactive) || slots.active == slots.inactive)
    throw CommandEnd{MESURA_REPLY_REFUSED, "expected the slots /app1 and /app2, got something else"};
  co_return slots;
}

/// What runs, also for firmware before 2.65, which has no /fw_version.
Task<std::string> read_version(CommandRun& run) {
  const Reply reply = co_await run.get("/fw_version");
  if (reply.ok()) {
    std::string version = member(reply.body, "FIRMWARE_VERSION");
    co_return version;
  }
  if (reply.kind != Reply::Kind::error) throw run.end_of(reply, "/fw_version");
  const Reply stats = co_await run.must_get("/get_stats");
  std::string version = member(stats.body, "FIRMWARE_VERSION");
  co_return version;
}

Task<void> check_space(CommandRun& run, std::size_t needed) {
  const Reply reply = co_await run.must_get("/get_sys_stats");
  const double used = number_member(reply.body, "DISK_USED_BYTES").value_or(0);
  const double share = number_member(reply.body, "DISK_PERCENTAGE_USED").value_or(0);
  if (used <= 0 || share <= 0) co_return;
  const double free = used * 100 / share - used;
  if (static_cast<double>(needed) > free)
    throw CommandEnd{MESURA_REPLY_REFUSED,
                     fmt::format("the app needs {} KiB, the unit has {:.0f} KiB free", needed / 1024, free / 1024)};
}

/// Where a file of the app goes.
std::string folder_of(const Slots& slots, const AppFile& file) {
  return file.folder.empty() ? slots.inactive : slots.inactive + "/" + file.folder;
}

Task<void> send_app(CommandRun& run, const Firmware& firmware, Slots slots) {
  const bool at_root =
      std::any_of(firmware.files.begin(), firmware.files.end(), [](const AppFile& f) { return f.folder.empty(); });
  if (!at_root) co_await run.must_change("/mkdir?dir=" + slots.inactive);
  std::set<std::string> made;
  std::size_t sent = 0;
  for (const AppFile& file : firmware.files) {
    // Folders between that hold no file themselves.
    for (const std::string& folder : firmware.folders) {
      const bool above = file.folder.starts_with(folder + "/");
      const bool holds_files = std::any_of(firmware.files.begin(), firmware.files.end(),
                                           [&](const AppFile& f) { return f.folder == folder; });
      if (!above || holds_files || !made.insert(folder).second) continue;
      co_await run.must_change("/mkdir?dir=" + slots.inactive + "/" + folder);
    }
    const std::string folder = folder_of(slots, file);
    run.progress(sent, firmware.bytes, fmt::format("sending {}/{}", folder, file.name));
    const Reply reply = co_await send_file(run, folder, file.name, file.content);
    if (!reply.ok()) {
      const bool damaged = reply.kind == Reply::Kind::error && reply.body.find("XFER ERROR") != std::string::npos;
      CommandEnd end = run.end_of(reply, "FILE " + folder + "/" + file.name);
      if (damaged) end = {MESURA_REPLY_MISMATCH, fmt::format("{}/{} arrived damaged three times", folder, file.name)};
      throw end;
    }
    sent += file.content.size();
  }
  run.progress(firmware.bytes, firmware.bytes, "sent, verifying");
}

Task<void> verify_app(CommandRun& run, const Firmware& firmware, Slots slots) {
  const std::vector<std::string> list = co_await read_file_list(run);
  std::set<std::string> expected;
  for (const AppFile& file : firmware.files) expected.insert(folder_of(slots, file) + "/" + file.name);
  for (const std::string& path : list) {
    if (!path.starts_with(slots.inactive + "/") || path.ends_with('/')) continue;
    if (expected.erase(path) == 0)
      throw CommandEnd{MESURA_REPLY_MISMATCH, fmt::format("{} is on the unit, but not in the new app", path)};
  }
  if (!expected.empty())
    throw CommandEnd{MESURA_REPLY_MISMATCH, fmt::format("{} is missing on the unit", *expected.begin())};
}

/// Makes `wanted` the slot that starts next. A lost reply is no end: what the unit then says counts.
Task<void> swap_to(CommandRun& run, std::string wanted) {
  constexpr int kAttempts = 3;
  for (int attempt = 1;; ++attempt) {
    const Reply reply = co_await run.change("/swap_active_app");
    if (reply.kind == Reply::Kind::planned) co_return;
    const Reply look = co_await run.get("/get_active_app_folder");
    const std::string now = look.ok() ? member(look.body, "ACTIVE_APP_FOLDER") : "";
    if (now == wanted) co_return;
    if (attempt < kAttempts && !look.ok()) {
      // It may have swapped: swapping again would undo it.
      co_await run.wait(std::chrono::seconds{2});
      const Reply again = co_await run.must_get("/get_active_app_folder");
      if (member(again.body, "ACTIVE_APP_FOLDER") == wanted) co_return;
      continue;
    }
    if (!reply.ok()) throw run.end_of(reply, "/swap_active_app");
    throw CommandEnd{MESURA_REPLY_MISMATCH, fmt::format("the unit said yes, but {} is not active", wanted)};
  }
}

/// Restarts the unit; how that ended.
Task<Restart> start_anew(CommandRun& run, std::string text) {
  const Uptime before = co_await read_uptime(run);
  const Reply reply = co_await run.change("/power_cycle");
  const bool lost = reply.kind == Reply::Kind::none || reply.kind == Reply::Kind::closed;
  if (!reply.ok() && !lost) throw run.end_of(reply, "/power_cycle");
  const Restart end = co_await wait_for_restart(run, before, std::move(text));
  co_return end;
}

/// What is wrong with the unit after its restart; empty: nothing.
Task<std::string> problem_after(CommandRun& run, Restart end, std::string folder, std::string version) {
  if (end == Restart::not_restarted) co_return std::string{"it did not restart"};
  const Slots slots = co_await read_slots(run);
  if (slots.active != folder) co_return fmt::format("it came back with {}, not {}", slots.active, folder);
  const std::string now = co_await read_version(run);
  const auto is = hundredths(now), wanted = hundredths(version);
  std::string problem;
  if (!is || is != wanted)
    problem = fmt::format("it came back with firmware {}, not {}", excerpt(now, kShown), version);
  co_return problem;
}

/// Back to the app that ran before; what to tell of it.
Task<std::string> way_back(CommandRun& run, std::string folder, std::string version) {
  std::optional<std::string> failure;
  try {
    const Slots slots = co_await read_slots(run);
    if (slots.active != folder) co_await swap_to(run, folder);
    const Restart end = co_await start_anew(run, "going back to " + folder);
    if (end == Restart::gone) {
      failure = "it does not answer";
    } else {
      std::string problem = co_await problem_after(run, end, folder, version);
      if (!problem.empty()) failure = std::move(problem);
    }
  } catch (const CommandEnd& end) {
    failure = end.message;
  }
  if (!failure) co_return fmt::format("; went back: {} with firmware {} runs again", folder, version);
  co_return fmt::format("; the way back failed, too: {}", *failure);
}

std::string outcome(const Slots& slots, const std::string& before, const std::string& after, const Firmware& firmware) {
  JsonText skipped = JsonText::array();
  for (const std::string& path : firmware.skipped) skipped.item(path);
  JsonText json = JsonText::object();
  json.text("setting", "firmware_version").text("before", before);
  if (after.empty()) {
    json.null("after");
  } else {
    json.text("after", after);
  }
  json.text("slot_before", slots.active).text("slot_after", after.empty() ? slots.active : slots.inactive);
  json.number("files", static_cast<double>(firmware.files.size()));
  json.quantity("bytes", static_cast<double>(firmware.bytes), "B").raw("skipped", skipped.str());
  return json.str();
}

/// Everything up to a verified app in the other slot. Nothing of it touches the app that runs.
Task<void> prepare(CommandRun& run, const Firmware& firmware, Slots slots) {
  co_await run.must_change("/erase_offline_app");
  if (!run.dry_run()) co_await check_space(run, firmware.blocks * kBlock);
  co_await send_app(run, firmware, slots);
  if (!run.dry_run()) co_await verify_app(run, firmware, slots);
}

constexpr std::string_view kWhatToDo =
    "the unit does not answer since it was to start the new app. Take its supply away for a few seconds and look with "
    "`status`; if it answers, `upgrade` can be repeated. If it stays away, the new app does not start: connect the "
    "unit "
    "over USB and load the firmware with the vendor's `ct6_tool --clean`; its calibration is in factory.cfg";

/// From the swap on the sequence goes to its end, called off or not.
Task<CommandResult> start_new(CommandRun& run, const Firmware& firmware, Slots slots, std::string before) {
  run.hold_on();
  std::optional<CommandEnd> failed;
  std::optional<std::string> problem;
  bool gone = false;
  try {
    co_await swap_to(run, slots.inactive);
    const Restart end = co_await start_anew(run, "starting the new app");
    gone = end == Restart::gone;
    if (!gone) problem = co_await problem_after(run, end, slots.inactive, firmware.version);
  } catch (const CommandEnd& end) {
    failed = end;
  }
  if (gone) throw CommandEnd{MESURA_REPLY_UNREACHABLE, std::string{kWhatToDo}, outcome(slots, before, "", firmware)};
  if (!failed && problem && problem->empty()) {
    CommandResult done{MESURA_REPLY_DONE, {}, outcome(slots, before, firmware.version, firmware)};
    if ((hundredths(before) < kRecalibrateSince) != (hundredths(firmware.version) < kRecalibrateSince))
      done.message = "calibrate every CT port now: 2.8 changed the input gain";
    co_return done;
  }
  const std::string back = co_await way_back(run, slots.active, before);
  const std::string what = failed ? failed->message : *problem;
  throw CommandEnd{failed ? failed->status : MESURA_REPLY_MISMATCH, what + back, outcome(slots, before, "", firmware)};
}

}  // namespace

Task<CommandResult> upgrade(CommandRun& run) {
  const Firmware firmware = read_tree(run.arguments());
  const std::string before = co_await read_version(run);
  check_versions(run.arguments(), firmware, before);
  const Slots slots = co_await read_slots(run);
  std::optional<CommandEnd> failed;
  try {
    co_await prepare(run, firmware, slots);
    run.check_called_off();
  } catch (const CommandEnd& end) {
    failed = end;
  }
  if (failed)
    throw CommandEnd{failed->status, failed->message + std::string{kUntouched}, outcome(slots, before, "", firmware)};
  if (run.dry_run()) {
    co_await run.must_change("/swap_active_app");
    co_await run.must_change("/power_cycle");
    CommandResult plan{MESURA_REPLY_PLAN, {}, outcome(slots, before, firmware.version, firmware)};
    co_return plan;
  }
  CommandResult result = co_await start_new(run, firmware, slots, before);
  co_return result;
}

}  // namespace mesura::ct6
