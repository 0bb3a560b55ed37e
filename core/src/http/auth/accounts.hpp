// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The files that say who may log in: `users` and `tokens` of a state directory.
#pragma once

#include "http/message.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::http {

struct User {
  std::string name;
  Role role = Role::read;
  std::int64_t created_ns = 0;
  std::string hash;  ///< yescrypt
};

struct Token {
  std::string name;
  Role role = Role::read;
  std::int64_t created_ns = 0;
  std::optional<std::int64_t> expires_ns;
  std::string digest;  ///< SHA-256 of the token, in hexadecimal
};

/// What can't be done with accounts; what() is the whole message, beginning with its code.
class AccountError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

[[nodiscard]] std::string_view to_string(Role role);
[[nodiscard]] std::optional<Role> parse_role(std::string_view text);
/// Names of users and tokens: 1 to 64 letters, digits and . _ - @, not beginning with a '-'.
[[nodiscard]] bool is_account_name(std::string_view name);

/// Reads and changes the files. Changes are atomic and durable; those of two processes come one after the other. Files
/// are the owner's alone (0600); if root changes them, they are given to the owner of the directory, so that the
/// service can read them.
/// errors  AccountError (usr-file, usr-exists, usr-unknown, usr-name, usr-password), with what the file's line is
class AccountFiles {
 public:
  explicit AccountFiles(std::filesystem::path directory) : directory_(std::move(directory)) {}

  [[nodiscard]] std::vector<User> users() const;
  [[nodiscard]] std::vector<Token> tokens() const;

  /// `replace`: a user of that name gets the new password and role.
  void add_user(const std::string& name, Role role, const std::string& password, bool replace, unsigned cost = 0);
  void remove_user(const std::string& name);
  /// The token itself: shown once, stored nowhere.
  [[nodiscard]] std::string add_token(const std::string& name, Role role, std::optional<std::int64_t> expires_ns);
  void remove_token(const std::string& name);

  /// Changes whenever one of the files does.
  [[nodiscard]] std::string stamp() const;

 private:
  [[nodiscard]] std::filesystem::path users_file() const { return directory_ / "users"; }
  [[nodiscard]] std::filesystem::path tokens_file() const { return directory_ / "tokens"; }
  bool give_to_owner(int fd) const;
  void change(const std::function<void()>& work) const;
  void write(const std::filesystem::path& file, const std::string& content) const;
  void write_users(const std::vector<User>& users) const;
  void write_tokens(const std::vector<Token>& tokens) const;

  std::filesystem::path directory_;
};

}  // namespace mesura::http
