using System.IO;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Shell;
using RedisClusterOps.Planning.Rebalance;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Rebalance;

/// <summary>New-RedisRebalancePlan on a real cluster: its output, its file, and that it changes nothing.</summary>
public sealed class PlanCmdletTests(LaidOutCluster layouts, CmdletShell shell) : IClassFixture<LaidOutCluster>, IClassFixture<CmdletShell>
{
    private static readonly int[] OneEmpty = [5461, 5462, 5461, 0];

    [Fact]
    public async Task The_plan_lists_the_moves_and_the_share_of_each_master_afterwards()
    {
        var cluster = await layouts.WithAsync(OneEmpty, isScattered: false);
        var empty = cluster.Node(3).Endpoint.ToString();
        var run = await PlanAsync(cluster, "-UseEmptyMaster", """
            $plan.SlotCount
            $plan.Moves | ForEach-Object { "$($_.Source) $($_.Target) $($_.SlotCount) $($_.Method) $($_.SlotRanges)" }
            $plan.After | ForEach-Object { "$($_.Node) $($_.SlotCount)" }
            $plan | Out-String -Width 120
            """);
        run.AssertClean();
        Assert.Equal(4096, run.Output[0].GetInt32());
        var lines = run.Output.Skip(1).Select(line => line.GetString()).ToList();
        Assert.Contains($"{cluster.Node(1).Endpoint} {empty} 1366 KeyByKey 5461-6826", lines);
        Assert.Contains($"{empty} 4096", lines);
        Assert.Contains(empty, lines[^1]);
        Assert.Equal(0, (await TestCluster.OwnLineOfAsync(cluster.Node(3))).Slots.Count);
    }

    [Fact]
    public async Task A_balanced_cluster_has_no_moves_and_a_finding_for_the_empty_master()
    {
        var cluster = await layouts.WithAsync(OneEmpty, isScattered: false);
        var run = await PlanAsync(
            cluster, string.Empty, "$plan.Moves.Count; $plan.Findings | ForEach-Object { \"$($_.Message) $($_.Advice)\" }");
        run.AssertClean();
        Assert.Equal(0, run.Output[0].GetInt32());
        Assert.Contains(
            run.Output.Skip(1),
            line => line.GetString()!.Contains(cluster.Node(3).Endpoint + " has no slots", System.StringComparison.Ordinal)
                && line.GetString()!.EndsWith("New-RedisRebalancePlan -UseEmptyMaster", System.StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_file_holds_the_plan_that_is_emitted()
    {
        var cluster = await layouts.WithAsync(OneEmpty, isScattered: false);
        var file = Path.Combine(JournalOfTests.NewFolder(), "plan.json");
        var run = await PlanAsync(
            cluster,
            $"-Weight @{{ '{cluster.Node(0).Endpoint}' = 0 }} -By Keys -OutFile '{file}'",
            "$plan.Fingerprint; $plan.Moves | ForEach-Object { $_.SourceId + $_.TargetId }");
        var plan = PlanFile.Read(file);
        Assert.Equal(5461, plan.SlotCount);
        Assert.Equal([plan.Fingerprint, .. plan.Moves.Select(move => move.SourceId + move.TargetId)], run.AssertClean().Lines);
    }

    [Fact]
    public async Task A_cluster_that_cannot_be_rebalanced_is_an_error_with_the_next_command()
    {
        var cluster = await layouts.WithAsync(OneEmpty, isScattered: false);
        var atomic = await PlanAsync(cluster, "-UseEmptyMaster -Method Atomic", string.Empty);
        Assert.Contains("runs Redis 7.0.15, which can't move slots itself", Assert.Single(atomic.Errors).Message);
        (await PlanAsync(cluster, "-Weight @{ '10.9.9.9:1' = 1 }", string.Empty)).AssertRefused("NodeNotFound");
        await cluster.Node(3).SendAsync("CLUSTER", "SETSLOT", 0, "IMPORTING", cluster.Node(0).Id);
        try
        {
            var open = await PlanAsync(cluster, "-UseEmptyMaster", string.Empty);
            Assert.Equal("Complete-RedisSlotMigration -Slot 0", Assert.Single(open.Errors).Action);
        }
        finally
        {
            await cluster.Node(3).SendAsync("CLUSTER", "SETSLOT", 0, "STABLE");
        }
    }

    private Task<CmdletRun> PlanAsync(TestCluster cluster, string parameters, string then) =>
        shell.RunAsync($"$plan = New-RedisRebalancePlan {parameters} -Cluster {cluster.Node(0).Endpoint}\n{then}");
}
