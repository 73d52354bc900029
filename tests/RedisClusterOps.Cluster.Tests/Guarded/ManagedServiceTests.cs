using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Faults;
using RedisClusterOps.Cluster.Tests.Shell;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Guarded;

/// <summary>A managed service blocks administrative commands. Reading cmdlets still work; others report the missing command.</summary>
public sealed class ManagedServiceTests(CmdletShell shell) : IClassFixture<CmdletShell>
{
    [Theory]
    [InlineData(Servers.Redis70, "MIGRATE", "CONFIG")]
    [InlineData(Servers.Redis70, "MIGRATE", "CONFIG", "ACL", "CLIENT")]
    [InlineData(Servers.Valkey91, "MIGRATE", "CONFIG", "ACL", "CLIENT")]
    public async Task A_managed_cluster_is_diagnosed_and_nothing_is_changed(string server, string missing, params string[] others)
    {
        string[] lines = [.. others.Prepend(missing).Select(command => "rename-command " + command + " \"\"")];
        await using var cluster = await TestCluster.StartAsync(server, masters: 2, with: options => options with { ConfigLines = lines });
        var slot = new MovingSlot(cluster, 7);
        await slot.OnSourceAsync("SET", slot.Key("k"), "v");
        await slot.OpenAsync();
        using var core = new RedisCluster(slot.Session) { KeepsJournal = false };


        Assert.Equal((7, 1L), (await core.GetOpenSlotsAsync(null, default)).Select(open => (open.Slot, open.KeysOnSource!.Value)).Single());
        Assert.Contains((await core.TestAsync(new HealthOptions(), default)).Findings, finding => finding.Code == FindingCode.SlotOpen);
        Assert.All(await core.GetNodesAsync(default), node => Assert.Null(node.Trouble));

        var refusal = await Assert.ThrowsAnyAsync<RedisOperationException>(
            () => core.PlanCompletionAsync(7, null, null, new MoveOptions(), default));
        Assert.Equal(FailureCode.PermissionDenied, refusal.Code);
        Assert.StartsWith(slot.Source.Endpoint + " does not know " + missing + ", which the plan needs", refusal.Message);
        Assert.Contains("Nothing was changed; read-only cmdlets still work", refusal.Message);
        await slot.AssertOpenAsync();

        var named = " -Cluster " + slot.Source.Endpoint;
        var health = await shell.RunAsync("\"$((Get-RedisClusterHealth" + named + ").Healthy)\"");
        Assert.Equal(["False"], health.AssertClean().Lines);
        var run = await shell.RunAsync("$null = Complete-RedisSlotMigration 7" + named);
        Assert.Equal(refusal.Message, run.AssertRefused("PermissionDenied").Message);
        await slot.AssertOpenAsync();
    }
}
