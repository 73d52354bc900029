using RedisClusterOps.Migration.Keys;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Migration;

/// <summary>What a MIGRATE answered decides whether keys have moved, may have moved, or have not. The texts are the servers' own.</summary>
public class MigrateRepliesTests
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
    [InlineData("ERR Target instance replied with error: WRONGPASS invalid username-password pair or user is disabled.", nameof(MigrateReply.NotLoggedIn))]
    [InlineData("ERR Target instance replied with error: ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?", nameof(MigrateReply.NotLoggedIn))]
    [InlineData("ERR Target instance replied with error: NOPERM this user has no permissions to run the 'restore-asking' command", nameof(MigrateReply.NotAllowed))]
    [InlineData("NOPERM this user has no permissions to run the 'migrate' command", nameof(MigrateReply.NotAllowed))]
    [InlineData("ERR Target instance replied with error: OOM command not allowed when used memory > 'maxmemory'.", nameof(MigrateReply.OutOfMemory))]
    [InlineData("ERR Target instance replied with error: ERR DUMP payload version or checksum are wrong", nameof(MigrateReply.PayloadRefused))]
    [InlineData("ERR Target instance replied with error: LOADING Redis is loading the dataset in memory", nameof(MigrateReply.TryLater))]
    [InlineData("CLUSTERDOWN The cluster is down", nameof(MigrateReply.TryLater))]
    [InlineData("TRYAGAIN Slot is being trimmed", nameof(MigrateReply.TryLater))]
    [InlineData("ERR syntax error", nameof(MigrateReply.Failed))]
    public void An_error_is_told_apart_by_its_meaning(string text, string meaning) =>
        Assert.Equal(meaning, MigrateReplies.Read(RespValue.Error(text)).ToString());

    [Fact]
    public void Ok_means_moved_and_nokey_that_nothing_was_there()
    {
        Assert.Equal(MigrateReply.Moved, MigrateReplies.Read(RespValue.Simple("OK")));
        Assert.Equal(MigrateReply.NothingThere, MigrateReplies.Read(RespValue.Simple("NOKEY")));
    }
}
