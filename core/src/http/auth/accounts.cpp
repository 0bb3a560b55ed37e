// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/auth/accounts.hpp"

#include "config/text.hpp"
#include "http/auth/password.hpp"
#include "runtime/clock.hpp"
#include "runtime/files.hpp"
#include "runtime/time_text.hpp"
#include "runtime/unique_fd.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace mesura::http {
namespace {

constexpr std::string_view kUsersHead =
    "# Users of Mesura: name, role, created, hash of the password. Changed by `mesura user`.\n";
constexpr std::string_view kTokensHead =
    "# Tokens of Mesura: name, role, created, expires, SHA-256 of the token. Changed by `mesura token`.\n";

std::string system_text(int error) { return std::generic_category().message(error); }

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (true) {
    line.remove_prefix(std::min(line.find_first_not_of(" \t\r"), line.size()));
    if (line.empty()) return words;
    const auto end = line.find_first_of(" \t\r");
    words.push_back(line.substr(0, end));
    line.remove_prefix(std::min(end, line.size()));
  }
}

/// Calls for every line that says something.
template <class Use>
void for_each_line(const std::filesystem::path& file, Use&& use) {
  std::optional<std::string> text;
  try {
    text = runtime::read_file(file.string());
  } catch (const std::exception& e) {
    throw AccountError(fmt::format("usr-file: {}\n  hint      the service's user must be able to read it", e.what()));
  }
  if (!text) return;
  std::string_view rest = *text;
  for (int number = 1; !rest.empty(); ++number) {
    const auto end = rest.find('\n');
    const auto line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    const auto words = words_of(line);
    if (words.empty() || words.front().starts_with('#')) continue;
    if (!use(words))
      throw AccountError(
          fmt::format("usr-file: {}:{} is malformed\n  hint      `mesura user` and `mesura "
                      "token` write these files; restore it from a backup, or remove the line",
                      file.string(), number));
  }
}

}  // namespace

std::string_view to_string(Role role) {
  return role == Role::control ? "control" : role == Role::read ? "read" : "none";
}

std::optional<Role> parse_role(std::string_view text) {
  if (text == "control") return Role::control;
  if (text == "read") return Role::read;
  return std::nullopt;
}

bool is_account_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && name.front() != '-' && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-' || c == '@';
  });
}

std::vector<User> AccountFiles::users() const {
  std::vector<User> users;
  for_each_line(users_file(), [&](const std::vector<std::string_view>& words) {
    if (words.size() != 4 || !is_account_name(words[0])) return false;
    const auto role = parse_role(words[1]);
    const auto created = runtime::parse_time(words[2]);
    if (!role || !created) return false;
    users.push_back({std::string{words[0]}, *role, *created, std::string{words[3]}});
    return true;
  });
  return users;
}

std::vector<Token> AccountFiles::tokens() const {
  std::vector<Token> tokens;
  for_each_line(tokens_file(), [&](const std::vector<std::string_view>& words) {
    if (words.size() != 5 || !is_account_name(words[0]) || words[4].size() != 64) return false;
    const auto role = parse_role(words[1]);
    const auto created = runtime::parse_time(words[2]);
    const auto expires = runtime::parse_time(words[3]);
    if (!role || !created || (!expires && words[3] != "never")) return false;
    tokens.push_back({std::string{words[0]}, *role, *created, expires, std::string{words[4]}});
    return true;
  });
  return tokens;
}

std::string AccountFiles::stamp() const {
  std::string out;
  for (const auto& file : {users_file(), tokens_file()}) {
    struct stat info {};
    if (::stat(file.c_str(), &info) == 0)
      out += fmt::format("{}:{}:{}:{}", info.st_ino, info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
    out += ' ';
  }
  return out;
}

/// True also where there is nothing to do: only root gives files away.
bool AccountFiles::give_to_owner(int fd) const {
  struct stat owner {};
  return ::geteuid() != 0 || (::stat(directory_.c_str(), &owner) == 0 && ::fchown(fd, owner.st_uid, owner.st_gid) == 0);
}

void AccountFiles::change(const std::function<void()>& work) const {
  const auto file = directory_ / "accounts.lock";
  const runtime::UniqueFd lock{::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  if (!lock)
    throw AccountError(
        fmt::format("usr-file: can't open {}: {}\n  hint      is this the service's state directory, and may "
                    "this user write there?",
                    file.string(), system_text(errno)));
  give_to_owner(lock.get());
  while (::flock(lock.get(), LOCK_EX) != 0)
    if (errno != EINTR)
      throw AccountError(fmt::format("usr-file: can't lock {}: {}", file.string(), system_text(errno)));
  work();
}

void AccountFiles::write(const std::filesystem::path& file, const std::string& content) const {
  const auto fresh = file.string() + ".new";
  const auto fail = [&](const char* what) {
    return AccountError(fmt::format("usr-file: {} can't be {}: {}", file.string(), what, system_text(errno)));
  };
  ::unlink(fresh.c_str());
  {
    const runtime::UniqueFd fd{::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600)};
    if (!fd) throw fail("written");
    if (!give_to_owner(fd.get())) throw fail("given to the owner of its directory");
    for (std::string_view rest = content; !rest.empty();) {
      const auto n = ::write(fd.get(), rest.data(), rest.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw fail("written");
      rest.remove_prefix(static_cast<std::size_t>(n));
    }
    if (::fsync(fd.get()) != 0) throw fail("written");
  }
  if (::rename(fresh.c_str(), file.c_str()) != 0) throw fail("replaced");
  const runtime::UniqueFd parent{::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (parent) ::fsync(parent.get());
}

void AccountFiles::write_users(const std::vector<User>& users) const {
  std::string text{kUsersHead};
  for (const auto& user : users)
    text += fmt::format("{} {} {} {}\n", user.name, to_string(user.role),
                        runtime::format_time(user.created_ns, runtime::Precision::seconds), user.hash);
  write(users_file(), text);
}

void AccountFiles::write_tokens(const std::vector<Token>& tokens) const {
  const auto time = [](std::int64_t ns) { return runtime::format_time(ns, runtime::Precision::seconds); };
  std::string text{kTokensHead};
  for (const auto& token : tokens)
    text += fmt::format("{} {} {} {} {}\n", token.name, to_string(token.role), time(token.created_ns),
                        token.expires_ns ? time(*token.expires_ns) : "never", token.digest);
  write(tokens_file(), text);
}

namespace {

template <class Account>
auto find_account(std::vector<Account>& all, const std::string& name) {
  return std::find_if(all.begin(), all.end(), [&](const Account& one) { return one.name == name; });
}

void check_name(const std::string& name) {
  if (!is_account_name(name))
    throw AccountError(fmt::format(
        "usr-name: bad name\n  expected  1 to 64 letters, digits and . _ - @\n  got       {}", config::quote(name)));
}

template <class Account>
AccountError unknown(const char* what, const std::string& name, const std::vector<Account>& all) {
  std::vector<std::string> names;
  for (const auto& one : all) names.push_back(one.name);
  return AccountError(fmt::format("usr-unknown: there is no {} {}\n  expected  {}", what, config::quote(name),
                                  names.empty() ? "(there is none)" : config::joined(names)));
}

}  // namespace

void AccountFiles::add_user(const std::string& name, Role role, const std::string& password, bool replace,
                            unsigned cost) {
  check_name(name);
  if (password.size() < kShortestPassword || password.size() > kLongestPassword ||
      password.find('\0') != std::string::npos)
    throw AccountError(
        fmt::format("usr-password: bad password\n  expected  {} to {} bytes, none of them NUL\n  got       {} bytes",
                    kShortestPassword, kLongestPassword, password.size()));
  User fresh{name, role, runtime::SystemClock{}.wall_ns(), hash_password(password, cost)};
  change([&] {
    auto all = users();
    const auto old = find_account(all, name);
    if (old != all.end() && !replace)
      throw AccountError(
          fmt::format("usr-exists: there is a user '{}' already\n  hint      --replace gives a new password "
                      "and role",
                      name));
    if (old != all.end())
      *old = std::move(fresh);
    else
      all.push_back(std::move(fresh));
    write_users(all);
  });
}

void AccountFiles::remove_user(const std::string& name) {
  change([&] {
    auto all = users();
    const auto old = find_account(all, name);
    if (old == all.end()) throw unknown("user", name, all);
    all.erase(old);
    write_users(all);
  });
}

std::string AccountFiles::add_token(const std::string& name, Role role, std::optional<std::int64_t> expires_ns) {
  check_name(name);
  auto secret = "mesura_" + random_secret();
  change([&] {
    auto all = tokens();
    if (find_account(all, name) != all.end())
      throw AccountError(
          fmt::format("usr-exists: there is a token '{}' already\n  hint      revoke it first, or take another "
                      "name: the old one can't be shown again",
                      name));
    all.push_back({name, role, runtime::SystemClock{}.wall_ns(), expires_ns, sha256_hex(secret)});
    write_tokens(all);
  });
  return secret;
}

void AccountFiles::remove_token(const std::string& name) {
  change([&] {
    auto all = tokens();
    const auto old = find_account(all, name);
    if (old == all.end()) throw unknown("token", name, all);
    all.erase(old);
    write_tokens(all);
  });
}

}  // namespace mesura::http
