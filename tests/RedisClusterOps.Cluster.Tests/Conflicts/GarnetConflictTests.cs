using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Faults;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Conflicts;

/// <summary>
/// Garnet has no BUSYKEY: it keeps the old value of the target, replies OK and lets the source delete its own. So the core asks the
/// target first.
/// </summary>
public sealed class GarnetConflictTests(SharedClusters clusters) : IClassFixture<SharedClusters>
{
    [Fact]
    public async Task MIGRATE_alone_loses_the_value_that_clients_use()
    {
        var (slot, key) = await OpenAsync(["SET", "mine"], ["SET", "theirs"]);
        var target = slot.Target.Endpoint;
        Assert.Equal("OK", (await slot.OnSourceAsync("MIGRATE", target.Host, target.Port, "", 0, 5000, "KEYS", key)).Text);
        Assert.Equal("theirs", (await slot.OnTargetAsync("GET", key)).Text);
        Assert.DoesNotContain(
            Printable.Quote(key), (await slot.OnSourceAsync("CLUSTER", "GETKEYSINSLOT", slot.Slot, 10)).Items.Select(item => item.Text));
    }

    [Theory]
    [InlineData("SET", "SET")]
    [InlineData("SET", "SADD")]
    [InlineData("SADD", "SET")]
    [InlineData("RPUSH", "RPUSH")]
    public async Task Different_copies_stop_the_run_and_both_are_kept(string onSource, string onTarget)
    {
        var (slot, key) = await OpenAsync([onSource, "mine"], [onTarget, "theirs"]);
        var other = slot.Key("other");

        var failure = await slot.FailsAsync(FailureCode.KeyExistsOnTarget);

        Assert.Contains(Printable.Quote(key), failure.Message);
        Assert.Equal("mine", await ReadAsync(slot, key, onSource, fromTarget: false));
        Assert.Equal("theirs", await ReadAsync(slot, key, onTarget, fromTarget: true));
        using var client = slot.Cluster.Client();
        Assert.Equal("fine", (await client.AskAsync(other, RespCommand.Of("GET", other))).Text);
    }

    [Theory]
    [InlineData("SET")]
    [InlineData("SADD")]
    [InlineData("RPUSH")]
    public async Task Equal_copies_are_one_key(string command)
    {
        var (slot, key) = await OpenAsync([command, "same"], [command, "same"]);
        var result = await slot.CompletedAsync();
        Assert.Equal(0, result.KeysConflicting);
        Assert.Equal("same", await ReadAsync(slot, key, command, fromTarget: true));
    }

    [Theory]
    [InlineData(KeyConflictAction.KeepInUse, "mine", "theirs", -1)]
    [InlineData(KeyConflictAction.KeepOther, "theirs", "mine", 1000)]
    public async Task The_overwritten_string_can_be_restored(KeyConflictAction action, string winner, string loser, int expiry)
    {
        using var saved = new SavedValueFile();
        var (slot, key) = await OpenAsync(["SET", "mine"], ["SET", "theirs"]);
        await slot.OnSourceAsync("EXPIRE", key, 1000);
        var result = await slot.CompletedAsync(new MoveOptions { OnKeyConflict = action, JournalPath = saved.Folder });
        Assert.Equal(winner, await ReadAsync(slot, key, "SET", fromTarget: true));
        await saved.RestoreAsync(slot, result.Reason);
        Assert.Equal(loser, await ReadAsync(slot, key, "SET", fromTarget: true));
        Assert.InRange((await slot.OnTargetAsync("TTL", key)).Integer, expiry - 3, expiry);
    }

    [Theory]
    [InlineData(KeyConflictAction.KeepInUse, "SET", "SADD")]
    [InlineData(KeyConflictAction.KeepOther, "SADD", "SET")]
    public async Task A_value_that_cannot_be_saved_is_not_overwritten(KeyConflictAction action, string onSource, string onTarget)
    {
        using var saved = new SavedValueFile();
        var (slot, key) = await OpenAsync([onSource, "mine"], [onTarget, "theirs"]);
        var failure = await slot.FailsAsync(
            FailureCode.KeyExistsOnTarget, new MoveOptions { OnKeyConflict = action, JournalPath = saved.Folder });
        Assert.Contains("can't be saved", failure.Message);
        Assert.Equal("mine", await ReadAsync(slot, key, onSource, fromTarget: false));
        Assert.Equal("theirs", await ReadAsync(slot, key, onTarget, fromTarget: true));
    }

    private async Task<(MovingSlot Slot, byte[] Key)> OpenAsync(string[] onSource, string[] onTarget)
    {
        var slot = await clusters.SlotAsync(Servers.Garnet);
        var key = slot.Key("k");
        await slot.OnSourceAsync(onSource[0], key, onSource[1]);
        await slot.OnSourceAsync("SET", slot.Key("other"), "fine");
        await slot.OpenAsync();
        await slot.OnTargetAsync(onTarget[0], key, onTarget[1]);
        return (slot, key);
    }

    private static async Task<string> ReadAsync(MovingSlot slot, byte[] key, string writtenBy, bool fromTarget)
    {
        object[] read = writtenBy switch { "SET" => ["GET", key], "SADD" => ["SMEMBERS", key], _ => ["LRANGE", key, 0, -1] };
        var reply = fromTarget ? await slot.OnTargetAsync(read) : await slot.OnSourceAsync(read);
        return writtenBy == "SET" ? reply.Text : Assert.Single(reply.Items).Text;
    }
}
