// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The unit's flash: listing, reading, sending and deleting files.
#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>

#include "command_list.hpp"
#include "digest.hpp"
#include "json_text.hpp"
#include "text_value.hpp"

namespace mesura::ct6 {
namespace {

using namespace std::chrono_literals;

constexpr int kSendAttempts = 3;
constexpr std::size_t kLongestPath = 128;
constexpr std::chrono::nanoseconds kBeforeRetry = 2s;

[[noreturn]] void refuse(std::string message) { throw CommandEnd{MESURA_REPLY_INVALID, std::move(message)}; }

std::string absolute(std::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  return path.starts_with('/') ? std::string{path} : "/" + std::string{path};
}

bool below(std::string_view path, std::string_view folder) {
  return path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/';
}

/// A path that goes into a request, absolute.
std::string checked_path(std::string_view path, std::string_view what) {
  const std::string problem = name_problem(path);
  if (!problem.empty()) refuse(fmt::format("{}: {}", what, problem));
  return absolute(path);
}

/// Files without which the unit does not start, or not as it was.
std::string_view guarded(std::string_view path) {
  if (path == "/main.py") return "the boot script; without it the unit needs a USB cable";
  if (path == "/this.machine.cfg") return "the configuration; `set` and `apply` change it, `defaults` resets it";
  if (path == "/factory.cfg") return "the calibration; `restore_calibration` checks and replaces it";
  return {};
}

bool holds(const std::vector<std::string>& list, std::string_view path) {
  return std::find(list.begin(), list.end(), path) != list.end();
}

std::string presence(std::string_view path, bool before, bool after) {
  return JsonText::object().text("path", path).flag("before", before).flag("after", after).str();
}

/// Does what one request does to one path, and looks whether it is so.
Task<CommandResult> change_path(CommandRun& run, std::string request, std::string path, bool wanted) {
  const std::vector<std::string> before = co_await read_file_list(run);
  const bool was = holds(before, path);
  if (was == wanted) {
    if (!wanted) refuse(fmt::format("{}: there is no such {}", path, path.ends_with('/') ? "folder" : "file"));
    CommandResult same{MESURA_REPLY_DONE, "already there", presence(path, true, true)};
    co_return same;
  }
  Reply reply = co_await run.change(request);
  if (reply.kind == Reply::Kind::planned) {
    CommandResult plan{MESURA_REPLY_PLAN, {}, presence(path, was, wanted)};
    co_return plan;
  }
  const bool lost = reply.kind == Reply::Kind::none || reply.kind == Reply::Kind::closed;
  if (!reply.ok() && !lost) throw run.end_of(reply, request);
  Reply look = co_await run.get("/get_file_list");
  if (!look.ok()) {
    if (lost) throw run.end_of(reply, request);
    CommandResult unread{MESURA_REPLY_UNVERIFIED, "taken, but the list could not be read", presence(path, was, wanted)};
    co_return unread;
  }
  const bool is = look.body.find(quoted_json(path)) != std::string::npos;
  if (is == wanted) {
    CommandResult done{MESURA_REPLY_DONE, lost ? "no answer, but it is done" : "", presence(path, was, is)};
    co_return done;
  }
  if (lost) throw run.end_of(reply, request);
  CommandResult differs{MESURA_REPLY_MISMATCH,
                        fmt::format("the unit said yes, but {} is {}there", path, is ? "still " : "not "),
                        presence(path, was, is)};
  co_return differs;
}

}  // namespace

std::string name_problem(std::string_view path) {
  if (path.empty()) return "expected a name, got nothing";
  if (path.size() > kLongestPath)
    return fmt::format("expected at most {} characters, got {}", kLongestPath, path.size());
  for (const char c : path)
    if (c <= ' ' || c >= '\x7F' || std::string_view{",=?'\"\\%#"}.find(c) != std::string_view::npos)
      return fmt::format("expected printable ASCII without space , = ? ' \" \\ % #, got '{}'",
                         excerpt(path, kLongestPath));
  if (path.find("//") != std::string_view::npos || path.find("..") != std::string_view::npos)
    return fmt::format("expected a plain path, got '{}'", path);
  return {};
}

std::optional<std::string> file_in_reply(std::string_view body, std::string_view name) {
  // {"OK": true, "<name>": "<text>"}, its two members in any order. The server turned each ' of the text into ", so a
  // bare " in it was one.
  const std::string opening = quoted_json(name) + ": \"";
  const std::size_t begin = body.find(opening);
  if (begin == std::string_view::npos) return std::nullopt;
  std::string_view raw = body.substr(begin + opening.size());
  bool ended = false;
  for (const std::string_view tail : {std::string_view{"\", \"OK\": true}"}, std::string_view{"\"}"}}) {
    if (ended || !raw.ends_with(tail)) continue;
    raw.remove_suffix(tail.size());
    ended = true;
  }
  if (!ended) return std::nullopt;
  std::string json = "\"";
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const bool escaped = raw[i] == '\\' && i + 1 < raw.size();
    if (escaped) json += raw[i++];
    json += raw[i] == '"' && !escaped ? '\'' : raw[i];
  }
  json += '"';
  simdjson::dom::parser parser;
  std::string_view text;
  if (parser.parse(json).get(text) != simdjson::SUCCESS) return std::nullopt;
  return std::string{text};
}

Task<std::vector<std::string>> read_file_list(CommandRun& run) {
  Reply reply = co_await run.must_get("/get_file_list");
  std::vector<std::string> list;
  simdjson::dom::parser parser;
  simdjson::dom::array items;
  if (parser.parse(reply.body).get(items) != simdjson::SUCCESS)
    throw CommandEnd{MESURA_REPLY_REFUSED, "/get_file_list: expected a list, got something else"};
  for (const simdjson::dom::element item : items) {
    std::string_view path;
    if (item.get(path) == simdjson::SUCCESS) list.emplace_back(path);
  }
  co_return list;
}

Task<Reply> send_file(CommandRun& run, std::string folder, std::string name, std::string content) {
  const std::string path = folder == "/" ? "/" + name : folder + "/" + name;
  std::string bytes =
      fmt::format("FILE {} {} {} {} HTTP/1.1\n", name, folder, content.size(), sha256_text(content)) + content;
  Reply reply;
  for (int attempt = 1; attempt <= kSendAttempts; ++attempt) {
    reply = co_await run.upload(path, bytes);
    if (reply.ok()) break;
    // A file that arrived damaged was deleted by the unit; anything else may pass.
    if (attempt < kSendAttempts) co_await run.wait(kBeforeRetry);
  }
  co_return reply;
}

Task<CommandResult> list_files(CommandRun& run) {
  const std::vector<std::string> list = co_await read_file_list(run);
  JsonText files = JsonText::array(), folders = JsonText::array();
  for (const std::string& path : list) (path.ends_with('/') ? folders : files).item(path);
  CommandResult result{
      MESURA_REPLY_DONE, {}, JsonText::object().raw("files", files.str()).raw("folders", folders.str()).str()};
  co_return result;
}

Task<CommandResult> get_file(CommandRun& run) {
  const std::string path = checked_path(run.arguments().text("file"), "file");
  Reply reply = co_await run.get("/get_file?file=" + path);
  if (reply.kind == Reply::Kind::error) {
    const bool missing = reply.body.find("ENOENT") != std::string::npos;
    throw CommandEnd{MESURA_REPLY_REFUSED,
                     missing ? fmt::format("{}: there is no such file; `files` lists them", path)
                             : fmt::format("{}: the unit cannot read it ({}): only texts can be fetched, no bytecode",
                                           path, excerpt(reply.body, kLongestPath))};
  }
  if (!reply.ok()) throw run.end_of(reply, "/get_file");
  auto content = file_in_reply(reply.body, path);
  if (!content) throw CommandEnd{MESURA_REPLY_REFUSED, fmt::format("{}: the unit's reply cannot be read", path)};
  CommandResult result;
  result.json = JsonText::object()
                    .text("path", path)
                    .quantity("size", static_cast<double>(content->size()), "B")
                    .text("sha256", sha256_text(*content))
                    .str();
  result.bytes = std::move(*content);
  co_return result;
}

Task<CommandResult> put_file(CommandRun& run) {
  const CommandArguments& given = run.arguments();
  const std::string name = given.text("name");
  const std::string problem = name.find('/') != std::string::npos
                                  ? "expected a name without '/'; the folder stands behind it"
                                  : name_problem(name);
  if (!problem.empty()) refuse("name: " + problem);
  const std::string folder = checked_path(given.has("folder") ? given.text("folder") : "/", "folder");
  const std::string path = folder == "/" ? "/" + name : folder + "/" + name;
  const std::string_view guard = path == "/main.py" ? std::string_view{} : guarded(path);
  if (!guard.empty()) refuse(fmt::format("{} holds {}", path, guard));
  const std::string content = given.text("content");
  const std::vector<std::string> before = co_await read_file_list(run);
  const bool was = holds(before, path);
  run.progress(0, content.size(), "sending " + path);
  const Reply reply = co_await send_file(run, folder, name, content);
  const std::string after = JsonText::object()
                                .text("path", path)
                                .quantity("size", static_cast<double>(content.size()), "B")
                                .text("sha256", sha256_text(content))
                                .str();
  const std::string json = JsonText::object().raw("before", was ? quoted_json(path) : "null").raw("after", after).str();
  if (reply.kind == Reply::Kind::planned) {
    CommandResult plan{MESURA_REPLY_PLAN, {}, json};
    co_return plan;
  }
  if (reply.kind == Reply::Kind::error && reply.body.find("XFER ERROR") != std::string::npos)
    throw CommandEnd{MESURA_REPLY_MISMATCH,
                     fmt::format("{}: it arrived damaged each time, and the unit deleted it: {}", path, reply.body),
                     JsonText::object().raw("before", was ? quoted_json(path) : "null").null("after").str()};
  if (!reply.ok()) throw run.end_of(reply, "FILE " + path);
  run.progress(content.size(), content.size(), "sent " + path);
  // The unit compared the hash; the list says that the file is where it should be.
  const Reply look = co_await run.get("/get_file_list");
  CommandResult result{MESURA_REPLY_DONE, {}, json};
  if (!look.ok()) {
    result.status = MESURA_REPLY_UNVERIFIED;
    result.message = "the unit took it, with the right hash, but its list could not be read";
  } else if (look.body.find(quoted_json(path)) == std::string::npos) {
    result.status = MESURA_REPLY_MISMATCH;
    result.message = fmt::format("the unit took it, but {} is not in its list", path);
  }
  co_return result;
}

Task<CommandResult> delete_file(CommandRun& run) {
  const std::string path = checked_path(run.arguments().text("file"), "file");
  if (!guarded(path).empty()) refuse(fmt::format("{} holds {}", path, guarded(path)));
  const Reply reply = co_await run.must_get("/get_active_app_folder");
  const std::string active = member(reply.body, "ACTIVE_APP_FOLDER");
  if (active.empty() || below(path, active))
    refuse(fmt::format("{}: it belongs to the app that runs, in {}", path, active));
  CommandResult result = co_await change_path(run, "/rmfile?file=" + path, path, false);
  co_return result;
}

Task<CommandResult> make_folder(CommandRun& run) {
  const std::string path = checked_path(run.arguments().text("folder"), "folder");
  if (path == "/") refuse("folder: expected a folder below /, got /");
  CommandResult result = co_await change_path(run, "/mkdir?dir=" + path, path + "/", true);
  co_return result;
}

Task<CommandResult> delete_folder(CommandRun& run) {
  const std::string path = checked_path(run.arguments().text("folder"), "folder");
  if (path == "/") refuse("folder: expected a folder below /, got /");
  const std::vector<std::string> list = co_await read_file_list(run);
  for (const std::string& entry : list)
    if (below(entry, path) && entry != path + "/")
      refuse(fmt::format("{}: it is not empty: {} is in it; delete that first", path, entry));
  CommandResult result = co_await change_path(run, "/rmdir?dir=" + path, path + "/", false);
  co_return result;
}

Task<CommandResult> erase_offline_app(CommandRun& run) {
  const Reply folder_reply = co_await run.must_get("/get_inactive_app_folder");
  const std::string folder = member(folder_reply.body, "INACTIVE_APP_FOLDER");
  const std::vector<std::string> before = co_await read_file_list(run);
  const auto count = [&](const std::vector<std::string>& list) {
    return std::count_if(list.begin(), list.end(),
                         [&](const std::string& path) { return below(path, folder) && !path.ends_with('/'); });
  };
  const auto json = [&](std::ptrdiff_t after) {
    return JsonText::object()
        .text("folder", folder)
        .number("before", static_cast<double>(count(before)))
        .number("after", static_cast<double>(after))
        .text("unit", "files")
        .str();
  };
  if (count(before) == 0 && !holds(before, folder + "/")) {
    CommandResult same{MESURA_REPLY_DONE, "already empty", json(0)};
    co_return same;
  }
  const Reply reply = co_await run.change("/erase_offline_app");
  if (reply.kind == Reply::Kind::planned) {
    CommandResult plan{MESURA_REPLY_PLAN, {}, json(0)};
    co_return plan;
  }
  const bool lost = reply.kind == Reply::Kind::none || reply.kind == Reply::Kind::closed;
  if (!reply.ok() && !lost) throw run.end_of(reply, "/erase_offline_app");
  std::vector<std::string> after;
  std::optional<CommandEnd> unread;
  try {
    after = co_await read_file_list(run);
  } catch (const CommandEnd& end) {
    unread = end;
  }
  if (unread) {
    if (lost) throw run.end_of(reply, "/erase_offline_app");
    CommandResult result{MESURA_REPLY_UNVERIFIED, "taken, but the list could not be read", json(0)};
    co_return result;
  }
  CommandResult result{MESURA_REPLY_DONE, lost ? "no answer, but it is done" : "", json(count(after))};
  if (count(after) != 0) {
    if (lost) throw run.end_of(reply, "/erase_offline_app");
    result.status = MESURA_REPLY_MISMATCH;
    result.message = fmt::format("the unit said yes, but {} still holds files", folder);
  }
  co_return result;
}

}  // namespace mesura::ct6
