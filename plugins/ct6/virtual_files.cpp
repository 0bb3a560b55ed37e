// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_files.hpp"

#include <algorithm>
#include <utility>

namespace mesura::ct6::twin {
namespace {

std::string absolute(std::string_view path) {
  while (!path.empty() && path.back() == '/') path.remove_suffix(1);
  std::string out;
  if (path.empty() || path.front() != '/') out = "/";
  out += path;
  return out;
}

std::string_view parent_of(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == 0 ? std::string_view{"/"} : path.substr(0, slash);
}

bool below(std::string_view path, std::string_view folder) {
  return path.size() > folder.size() && path.substr(0, folder.size()) == folder && path[folder.size()] == '/';
}

bool digit(char c) { return c >= '0' && c <= '9'; }

/// The first "N.N" or "N.NN" of `text`.
std::optional<std::string> decimal_in(std::string_view text) {
  for (std::size_t i = 0; i + 2 < text.size(); ++i) {
    if (!digit(text[i]) || text[i + 1] != '.' || !digit(text[i + 2])) continue;
    const std::size_t length = i + 3 < text.size() && digit(text[i + 3]) ? 4 : 3;
    return std::string(text.substr(i, length));
  }
  return std::nullopt;
}

std::optional<std::string> version_in(std::string_view content, std::string_view word) {
  constexpr std::size_t kReach = 32;
  for (auto at = content.find(word); at != std::string_view::npos; at = content.find(word, at + 1))
    if (auto found = decimal_in(content.substr(at + word.size(), kReach))) return found;
  return std::nullopt;
}

}  // namespace

std::string slot_folder(int slot) { return slot == 2 ? "/app2" : "/app1"; }

Files::Files(std::string_view version) : folders_{"/", "/app1", "/app1/lib", "/app1/lib/drivers"} {
  files_["/main.py"] = "# starts the app in the slot that APP names\n";
  files_["/app1/app.mpy"] = "M\x06 FIRMWARE_VERSION " + std::string(version) + "\n";
  for (const char* name : {"config", "display", "mqtt", "stats", "web", "wifi"})
    files_["/app1/lib/" + std::string(name) + ".mpy"] = "M\x06 " + std::string(name) + "\n";
  for (const char* name : {"atm90e32", "lcd", "temperature"})
    files_["/app1/lib/drivers/" + std::string(name) + ".mpy"] = "M\x06 " + std::string(name) + "\n";
}

std::vector<std::string> Files::list() const {
  std::vector<std::string> out;
  out.reserve(files_.size() + folders_.size());
  for (const auto& file : files_) out.push_back(file.first);
  for (const auto& folder : folders_)
    if (folder != "/") out.push_back(folder + "/");
  std::sort(out.begin(), out.end());
  return out;
}

const std::string* Files::read(std::string_view path) const {
  const auto at = files_.find(absolute(path));
  return at == files_.end() ? nullptr : &at->second;
}

bool Files::has_folder(std::string_view path) const { return folders_.count(absolute(path)) != 0; }

bool Files::write(std::string_view path, std::string content) {
  const std::string name = absolute(path);
  if (!has_folder(parent_of(name)) || has_folder(name)) return false;
  const auto old = files_.find(name);
  const std::size_t freed = old == files_.end() ? 0 : old->second.size();
  if (used() + content.size() > kFlashBytes + freed) return false;
  files_[name] = std::move(content);
  return true;
}

bool Files::remove(std::string_view path) { return files_.erase(absolute(path)) != 0; }

bool Files::make_folder(std::string_view path) {
  const std::string name = absolute(path);
  if (!has_folder(parent_of(name)) || files_.count(name) != 0) return false;
  return folders_.insert(name).second;
}

bool Files::remove_folder(std::string_view path) {
  const std::string name = absolute(path);
  if (name == "/" || has_app(name)) return false;
  const bool holds = std::any_of(folders_.begin(), folders_.end(), [&](const auto& f) { return below(f, name); });
  return !holds && folders_.erase(name) != 0;
}

void Files::remove_tree(std::string_view path) {
  const std::string name = absolute(path);
  for (auto it = files_.begin(); it != files_.end();) it = below(it->first, name) ? files_.erase(it) : std::next(it);
  for (auto it = folders_.begin(); it != folders_.end();)
    it = *it == name || below(*it, name) ? folders_.erase(it) : std::next(it);
}

std::size_t Files::used() const {
  std::size_t blocks = 2 + folders_.size();
  for (const auto& file : files_) blocks += (file.second.size() + kFlashBlock - 1) / kFlashBlock;
  return blocks * kFlashBlock;
}

std::optional<std::string> Files::app_version(std::string_view folder) const {
  const std::string root = absolute(folder);
  for (const char* name : {"/version", "/version.txt"})
    if (const std::string* text = read(root + name))
      if (auto found = decimal_in(*text)) return found;
  for (const char* word : {"FIRMWARE_VERSION", "VERSION"})
    for (const auto& [path, content] : files_)
      if (below(path, root))
        if (auto found = version_in(content, word)) return found;
  return std::nullopt;
}

bool Files::has_app(std::string_view folder) const {
  const std::string root = absolute(folder);
  return std::any_of(files_.begin(), files_.end(), [&](const auto& file) { return below(file.first, root); });
}

}  // namespace mesura::ct6::twin
