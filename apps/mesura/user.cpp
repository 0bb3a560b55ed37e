// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// mesura user add|del|list, mesura token add|list|revoke: who may use the HTTP server. They work on the files of the
// state directory; a running service takes them up by itself.
#include "prompt.hpp"
#include "setup.hpp"
#include "verbs.hpp"

#include "http/auth/accounts.hpp"
#include "http/auth/password.hpp"
#include "runtime/clock.hpp"
#include "runtime/json.hpp"
#include "runtime/time_text.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace mesura::app {
namespace {

using http::AccountFiles;

int complain(const char* verb, int code, const std::string& text) {
  std::fputs(fmt::format("mesura {}: error[{}\n", verb, text).c_str(), stderr);
  return code;
}

/// "usr-name: bad name ..." as "usr-name]: bad name ...".
std::string bracketed(std::string_view message) {
  const auto colon = message.find(": ");
  return fmt::format("{}]{}", message.substr(0, colon), message.substr(colon));
}

std::optional<std::filesystem::path> state_directory(const Common& common, const std::optional<std::string>& given) {
  if (given) return *given;
  const auto loaded = load_configuration(common);
  if (!loaded) return std::nullopt;
  return loaded->state;
}

void make_directory(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::create_directories(path, error))
    std::filesystem::permissions(path, std::filesystem::perms{0750}, error);
}

/// Up to the end of the line, at most what a password may have and a little more.
std::string read_line(int fd) {
  std::string line;
  char c = 0;
  while (line.size() <= http::kLongestPassword + 1) {
    const auto n = ::read(fd, &c, 1);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0 || c == '\n') break;
    line += c;
  }
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return line;
}

/// Twice, from the terminal; nullopt, with a message, when there is none or the two differ.
std::optional<std::string> ask_password(const std::string& user) {
  const runtime::UniqueFd terminal{::open("/dev/tty", O_RDWR | O_CLOEXEC)};
  if (!terminal) {
    complain("user", kUsage,
             "usr-terminal]: no terminal to ask for the password\n  hint      --password-stdin reads it from "
             "standard input");
    return std::nullopt;
  }
  const auto say = [&](const std::string& text) {
    [[maybe_unused]] const auto n = ::write(terminal.get(), text.data(), text.size());
  };
  const Silence silence{terminal.get()};
  say(fmt::format("Password for {}: ", user));
  auto first = read_line(terminal.get());
  say("\nAgain: ");
  auto second = read_line(terminal.get());
  say("\n");
  const bool same = http::equal_secrets(first, second);
  http::wipe(second);
  if (same) return first;
  http::wipe(first);
  complain("user", kFailed, "usr-password]: the two differ");
  return std::nullopt;
}

std::string time_or(std::optional<std::int64_t> ns, const char* otherwise) {
  return ns ? runtime::format_time(*ns, runtime::Precision::seconds) : otherwise;
}

int add_user(const UserOptions& options, AccountFiles& files) {
  auto password = options.password_stdin ? read_line(STDIN_FILENO) : ask_password(options.name);
  if (!password) return kFailed;
  files.add_user(options.name, *http::parse_role(options.role), *password, options.replace);
  http::wipe(*password);
  std::fputs(fmt::format("user {} may {}\n", options.name, options.role).c_str(), stdout);
  return kDone;
}

int list_users(const UserOptions& options, const AccountFiles& files) {
  std::string out;
  for (const auto& user : files.users()) {
    if (options.format == Format::json) {
      runtime::JsonWriter json{out};
      json.begin_object().key("name").string(user.name).key("role").string(http::to_string(user.role));
      json.key("created").string(time_or(user.created_ns, "")).end_object();
      out += '\n';
    } else {
      out += fmt::format("{:<24} {:<8} {}\n", user.name, http::to_string(user.role), time_or(user.created_ns, ""));
    }
  }
  if (options.format != Format::json) out = fmt::format("{:<24} {:<8} {}\n", "USER", "ROLE", "CREATED") + out;
  std::fputs(out.c_str(), stdout);
  return kDone;
}

int add_token(const TokenOptions& options, AccountFiles& files) {
  std::optional<std::int64_t> expires;
  if (options.expires) expires = runtime::SystemClock{}.wall_ns() + options.expires->count();
  auto secret = files.add_token(options.name, *http::parse_role(options.role), expires);
  std::fputs(fmt::format("token {} may {}, until {}; it is shown this once:\n", options.name, options.role,
                         time_or(expires, "revoked"))
                 .c_str(),
             stderr);
  std::fputs((secret + "\n").c_str(), stdout);
  http::wipe(secret);
  return kDone;
}

int list_tokens(const TokenOptions& options, const AccountFiles& files) {
  std::string out;
  for (const auto& token : files.tokens()) {
    if (options.format == Format::json) {
      runtime::JsonWriter json{out};
      json.begin_object().key("name").string(token.name).key("role").string(http::to_string(token.role));
      json.key("created").string(time_or(token.created_ns, "")).key("expires");
      if (token.expires_ns)
        json.string(time_or(token.expires_ns, ""));
      else
        json.null();
      json.end_object();
      out += '\n';
    } else {
      out += fmt::format("{:<24} {:<8} {:<21} {}\n", token.name, http::to_string(token.role),
                         time_or(token.created_ns, ""), time_or(token.expires_ns, "never"));
    }
  }
  if (options.format != Format::json)
    out = fmt::format("{:<24} {:<8} {:<21} {}\n", "TOKEN", "ROLE", "CREATED", "EXPIRES") + out;
  std::fputs(out.c_str(), stdout);
  return kDone;
}

}  // namespace

int user(const UserOptions& options) {
  const auto directory = state_directory(options.common, options.state);
  if (!directory) return kUsage;
  try {
    AccountFiles files{*directory};
    if (options.what == UserOptions::What::list) return list_users(options, files);
    if (options.what == UserOptions::What::add) {
      make_directory(*directory);
      return add_user(options, files);
    }
    files.remove_user(options.name);
    std::fputs(fmt::format("user {} is gone, and their sessions with them\n", options.name).c_str(), stdout);
    return kDone;
  } catch (const std::exception& e) {
    return complain("user", kFailed, bracketed(e.what()));
  }
}

int token(const TokenOptions& options) {
  const auto directory = state_directory(options.common, options.state);
  if (!directory) return kUsage;
  try {
    AccountFiles files{*directory};
    if (options.what == TokenOptions::What::list) return list_tokens(options, files);
    if (options.what == TokenOptions::What::add) {
      make_directory(*directory);
      return add_token(options, files);
    }
    files.remove_token(options.name);
    std::fputs(fmt::format("token {} is revoked\n", options.name).c_str(), stdout);
    return kDone;
  } catch (const std::exception& e) {
    return complain("token", kFailed, bracketed(e.what()));
  }
}

}  // namespace mesura::app
