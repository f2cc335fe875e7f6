#include "net/request_body.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "net/settings.h"

using uwsgiref::net::BodyMemory;
using uwsgiref::net::FileDescriptor;
using uwsgiref::net::kBodyInMemory;
using uwsgiref::net::kBodyNeverStored;
using uwsgiref::net::RequestBody;

namespace {

constexpr size_t kEnough = 16 * kBodyInMemory;

std::string content_of(RequestBody& body) {
  CHECK(body.finish() == 0);
  if (!body.in_file()) return std::string(body.in_memory());
  FileDescriptor file(body.take_file());
  std::string content(body.size() + 1, '\0');
  content.resize(static_cast<size_t>(pread(file.get(), content.data(), content.size(), 0)));
  return content;
}

/// TMPDIR for the length of a test.
class TemporaryDirectory {
 public:
  explicit TemporaryDirectory(const char* path) { setenv("TMPDIR", path, 1); }
  ~TemporaryDirectory() { unsetenv("TMPDIR"); }
};

}  // namespace

TEST_CASE("a body stays in memory up to the bound, and goes to a file beyond it") {
  std::string whole(kBodyInMemory + 1, 'x');
  for (size_t i = 0; i < whole.size(); i++) whole[i] = static_cast<char>('a' + i % 23);
  for (size_t piece : {whole.size(), size_t{65'536}, size_t{100'001}}) {
    // Truly, not at all, and wrongly: what more comes the decoder would refuse.
    const uint64_t announced = piece == whole.size() ? whole.size() : piece == 65'536 ? 0 : 100;
    BodyMemory memory(kEnough);
    RequestBody body(memory, announced);
    for (size_t at = 0; at < kBodyInMemory; at += piece) {
      CHECK(body.append(std::string_view(whole).substr(at, std::min(piece, kBodyInMemory - at))) == 0);
    }
    CHECK(!body.in_file());
    CHECK(body.in_memory().size() == kBodyInMemory);
    CHECK(memory.used() == kBodyInMemory);
    CHECK(body.append(whole.substr(kBodyInMemory)) == 0);
    CHECK(body.in_file());
    CHECK(body.in_memory().empty());
    CHECK(memory.used() == 0);
    CHECK(body.size() == whole.size());
    CHECK(content_of(body) == whole);
  }
}

TEST_CASE("small pieces and large ones keep their order in the file") {
  std::string whole;
  BodyMemory memory(kEnough);
  RequestBody body(memory, 0);
  for (size_t round = 0; whole.size() < 2 * kBodyInMemory; round++) {
    std::string piece(round % 7 == 0 ? 40'000 : round % 100, static_cast<char>('a' + round % 23));
    whole += piece;
    CHECK(body.append(piece) == 0);
  }
  CHECK(body.in_file());
  CHECK(body.in_memory().empty());
  CHECK(content_of(body) == whole);
}

TEST_CASE("pieces of a byte are not written one by one") {
  BodyMemory memory(kEnough);
  RequestBody body(memory, 0);
  CHECK(body.append(std::string(kBodyInMemory + 1, 'x')) == 0);
  for (int i = 0; i < 1000; i++) CHECK(body.append("y") == 0);
  FileDescriptor file(body.take_file());
  struct stat status;
  REQUIRE(fstat(file.get(), &status) == 0);
  CHECK(status.st_size == kBodyInMemory + 1);
}

TEST_CASE("a Content-Length is believed as far as half of it has come") {
  BodyMemory memory(kEnough);
  RequestBody body(memory, kBodyInMemory);
  CHECK(body.append(std::string(kBodyNeverStored, 'x')) == 0);
  CHECK(memory.used() == 0);
  CHECK(body.append(std::string(100'000 - kBodyNeverStored, 'x')) == 0);
  CHECK(memory.used() == 200'000);
  CHECK(body.append(std::string(kBodyInMemory - 200'000, 'x')) == 0);
  CHECK(memory.used() == kBodyInMemory);
}

TEST_CASE("the bodies of a loop stay in memory as long as there is enough for all of them") {
  BodyMemory memory(300'000);
  const std::string whole(100'000, 'x');
  RequestBody first(memory, whole.size());
  RequestBody second(memory, whole.size());
  RequestBody third(memory, 0);
  for (RequestBody* body : {&first, &second, &third}) CHECK(body->append(whole) == 0);
  CHECK(memory.used() == 200'000);
  CHECK(!first.in_file());
  CHECK(!second.in_file());
  CHECK(third.in_file());
  CHECK(content_of(third) == whole);

  RequestBody small(memory, 0);
  CHECK(memory.used() == 200'000);
  {
    // A body in other hands counts as long as its share is kept.
    uwsgiref::net::BodyMemoryShare share = first.take_share();
    CHECK(content_of(first) == whole);
    std::free(first.take_memory());
    CHECK(memory.used() == 200'000);
  }
  CHECK(memory.used() == 100'000);
  RequestBody fourth(memory, 200'000);
  CHECK(fourth.append(whole) == 0);
  CHECK(!fourth.in_file());
  CHECK(memory.used() == 300'000);
  CHECK(small.append(std::string(kBodyNeverStored, 'x')) == 0);
  CHECK(!small.in_file());
  CHECK(small.append("y") == 0);
  CHECK(small.in_file());
}

TEST_CASE("an empty body is empty") {
  BodyMemory memory(kEnough);
  RequestBody body(memory, 0);
  CHECK(body.append("") == 0);
  CHECK(body.size() == 0);
  CHECK(content_of(body).empty());
}

TEST_CASE("the file has no name") {
  char path[] = "/tmp/uwsgiref-test-XXXXXX";
  REQUIRE(mkdtemp(path));
  {
    TemporaryDirectory directory(path);
    BodyMemory memory(0);
    RequestBody body(memory, 0);
    CHECK(body.append(std::string(kBodyInMemory + 1, 'x')) == 0);
    CHECK(body.in_file());
    CHECK(std::filesystem::is_empty(path));
  }
  std::filesystem::remove(path);
}

TEST_CASE("a directory that is not there is reported") {
  TemporaryDirectory directory("/nonexistent");
  BodyMemory memory(kEnough);
  RequestBody body(memory, 0);
  CHECK(body.append(std::string(kBodyInMemory + 1, 'x')) == ENOENT);
}
