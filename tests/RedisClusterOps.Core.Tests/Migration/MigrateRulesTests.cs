using RedisClusterOps.Migration.Keys;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Migration;

/// <summary>
/// The reply to a MIGRATE decides whether keys have moved, may have moved, or have not. The texts are real replies of servers.
/// </summary>
public class MigrateRulesTests
{
    [Theory]
    [InlineData("ERR Target instance replied with error: BUSYKEY Target key name already exists.", nameof(MigrateReply.KeyExists))]
    [InlineData("ERR Target instance replied with error: MOVED 8579 127.0.0.1:21001", nameof(MigrateReply.SlotChanged))]
    [InlineData("ERR Target instance replied with error: ASK 8579 127.0.0.1:21001", nameof(MigrateReply.SlotChanged))]
    [InlineData("MOVED 5519 127.0.0.1:21001", nameof(MigrateReply.SlotChanged))]
    [InlineData("IOERR error or timeout writing to target instance", nameof(MigrateReply.Unknown))]
    [InlineData("IOERR error or timeout reading to target instance", nameof(MigrateReply.Unknown))]
    [InlineData("IOERR error or timeout connecting to the client", nameof(MigrateReply.Unreachable))]
    [InlineData("ERR Target instance replied with error: NOAUTH Authentication required.", nameof(MigrateReply.NotLoggedIn))]
    [InlineData(
        "ERR Target instance replied with error: WRONGPASS invalid username-password pair or user is disabled.",
        nameof(MigrateReply.NotLoggedIn))]
    [InlineData(
        "ERR Target instance replied with error: ERR AUTH <password> called without any password configured for the default user. "
            + "Are you sure your configuration is correct?",
        nameof(MigrateReply.NotLoggedIn))]
    [InlineData(
        "ERR Target instance replied with error: NOPERM this user has no permissions to run the 'restore-asking' command",
        nameof(MigrateReply.NotAllowed))]
    [InlineData("NOPERM this user has no permissions to run the 'migrate' command", nameof(MigrateReply.NotAllowed))]
    [InlineData(
        "ERR Target instance replied with error: OOM command not allowed when used memory > 'maxmemory'.",
        nameof(MigrateReply.OutOfMemory))]
    [InlineData(
        "ERR Target instance replied with error: ERR DUMP payload version or checksum are wrong", nameof(MigrateReply.PayloadRefused))]
    [InlineData("ERR Target instance replied with error: ERR Bad data format", nameof(MigrateReply.PayloadRefused))]
    [InlineData(
        "ERR Target instance replied with error: ERR Protocol error: invalid bulk length", nameof(MigrateReply.ValueTooLarge))]
    [InlineData("ERR Target instance replied with error: LOADING Redis is loading the dataset in memory", nameof(MigrateReply.TryLater))]
    [InlineData("CLUSTERDOWN The cluster is down", nameof(MigrateReply.TryLater))]
    [InlineData("TRYAGAIN Slot is being trimmed", nameof(MigrateReply.TryLater))]
    [InlineData("ERR syntax error", nameof(MigrateReply.Failed))]
    public void An_error_is_classified_by_its_meaning(string text, string meaning) =>
        Assert.Equal(meaning, MigrateRules.Read(RespValue.Error(text)).ToString());

    [Fact]
    public void Ok_means_moved_and_nokey_means_that_no_key_existed()
    {
        Assert.Equal(MigrateReply.Moved, MigrateRules.Read(RespValue.Simple("OK")));
        Assert.Equal(MigrateReply.NothingThere, MigrateRules.Read(RespValue.Simple("NOKEY")));
    }
}
