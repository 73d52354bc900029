using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Faults;
using RedisClusterOps.Cluster.Tests.FrontDoor;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Guarded;

/// <summary>A service that administers its clusters itself takes commands away. What only reads goes on there; what would write says why it does not.</summary>
public sealed class ManagedServiceTests
{
    [Theory]
    [InlineData(Servers.Redis70, "MIGRATE", "rename-command MIGRATE \"\"", "rename-command CONFIG \"\"")]
    [InlineData(Servers.Redis70, "MIGRATE", "rename-command MIGRATE \"\"", "rename-command CONFIG \"\"", "rename-command ACL \"\"", "rename-command CLIENT \"\"")]
    [InlineData(Servers.Valkey91, "MIGRATE", "rename-command MIGRATE \"\"", "rename-command CONFIG \"\"", "rename-command ACL \"\"", "rename-command CLIENT \"\"")]
    public async Task It_is_diagnosed_and_nothing_is_begun(string server, string missing, params string[] lines)
    {
        await using var cluster = await TestCluster.StartAsync(server, masters: 2, with: options => options with { ConfigLines = lines });
        var slot = new MovingSlot(cluster, 7);
        await slot.OnSourceAsync("SET", slot.Key("k"), "v");
        await slot.OpenAsync();
        using var core = new RedisCluster(slot.Session) { KeepsJournal = false };

        Assert.Equal((7, 1L), (await core.GetOpenSlotsAsync(null, default)).Select(open => (open.Slot, open.KeysOnSource!.Value)).Single());
        Assert.Contains((await core.TestAsync(new HealthOptions(), default)).Findings, finding => finding.Code == FindingCode.SlotOpen);
        Assert.All(await core.GetNodesAsync(default), node => Assert.Null(node.Trouble));

        var refusal = await Assert.ThrowsAnyAsync<RedisOperationException>(() => core.PlanCompletionAsync(7, null, null, new MoveOptions(), default));
        Assert.Equal(FailureCode.PermissionDenied, refusal.Code);
        Assert.StartsWith(slot.Source.Endpoint + " does not know " + missing + ", which the plan needs", refusal.Message);
        Assert.Contains("what only reads works here all the same", refusal.Message);
        await slot.AssertOpenAsync();

        using var rco = new RcoHome();
        (await rco.RunAsync("check", "--cluster", slot.Source.Endpoint.ToString())).AssertEnded(1);
        var run = await rco.RunAsync("complete", "--slot", "7", "--cluster", slot.Source.Endpoint.ToString());
        run.AssertEnded(1);
        Assert.Contains("PermissionDenied", run.Errors);
        await slot.AssertOpenAsync();
    }
}
