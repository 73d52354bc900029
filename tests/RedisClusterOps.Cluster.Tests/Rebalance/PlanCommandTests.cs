using System;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.FrontDoor;
using RedisClusterOps.Planning;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Rebalance;

/// <summary><c>rco plan</c> on a real cluster: what it prints, what it writes, and that it changes nothing.</summary>
public sealed class PlanCommandTests(LaidOutCluster layouts) : IClassFixture<LaidOutCluster>, IDisposable
{
    private readonly RcoHome _rco = new();

    public void Dispose() => _rco.Dispose();

    [Fact]
    public async Task It_shows_the_moves_what_each_master_has_after_them_and_the_way_back()
    {
        var cluster = await layouts.WithAsync([5461, 5462, 5461, 0], inCrumbs: false);
        var run = await _rco.RunAsync("plan", "--use-empty-master", "--cluster", cluster.Node(0).Endpoint.ToString());
        run.AssertEnded(0);
        Assert.Equal(string.Empty, run.Errors);
        Assert.Matches(Line(cluster.Node(1).Endpoint.ToString(), cluster.Node(3).Endpoint.ToString(), "1,366", "KeyByKey", "5461-6826"), run.Output);
        Assert.Matches(Line(cluster.Node(3).Endpoint.ToString(), "1", "0", "4,096"), run.Output);
        Assert.Contains("4096 slots in 3 moves, about 0 keys", run.Output);
        Assert.Contains("rco undo --migration-id", run.Output);
        Assert.Equal(0, (await TestCluster.OwnLineOfAsync(cluster.Node(3))).Slots.Count);
    }

    [Fact]
    public async Task It_says_that_nothing_is_to_be_moved_and_which_master_is_left_out()
    {
        var cluster = await layouts.WithAsync([5461, 5462, 5461, 0], inCrumbs: false);
        var run = await _rco.RunAsync("plan", "--cluster", cluster.Node(0).Endpoint.ToString());
        run.AssertEnded(0);
        Assert.Contains("Nothing to move: every master is within 2 % of its share.", run.Output);
        Assert.Contains(cluster.Node(3).Endpoint + " has no slots, and gets none unless that is asked for.", run.Output);
        Assert.Contains("next: rco plan --use-empty-master", run.Output);
    }

    [Fact]
    public async Task Its_file_is_the_plan_that_it_prints_as_json()
    {
        var cluster = await layouts.WithAsync([5461, 5462, 5461, 0], inCrumbs: false);
        var file = Path.Combine(_rco.Folder("plans"), "plan.json");
        var run = await _rco.RunAsync("plan", "--weight", cluster.Node(0).Endpoint + "=0", "--by", "Keys", "--json", "--out-file", file, "--cluster", cluster.Node(0).Endpoint.ToString());
        run.AssertEnded(0);
        var json = Assert.Single(run.Objects());
        var plan = PlanFile.Read(file);
        Assert.Equal(5461, plan.SlotCount);
        Assert.Equal(plan.Fingerprint, json.GetProperty("Fingerprint").GetString());
        Assert.Equal(plan.Moves.Select(move => move.SourceId + move.TargetId), json.GetProperty("Moves").EnumerateArray().Select(move => move.GetProperty("SourceId").GetString() + move.GetProperty("TargetId").GetString()));
    }

    [Fact]
    public async Task What_can_not_be_planned_is_told_with_what_to_run()
    {
        var cluster = await layouts.WithAsync([5461, 5462, 5461, 0], inCrumbs: false);
        var entry = cluster.Node(0).Endpoint.ToString();
        var run = await _rco.RunAsync("plan", "--use-empty-master", "--method", "Atomic", "--cluster", entry);
        Assert.NotEqual(0, run.ExitCode);
        Assert.Contains("runs Redis 7.0.15, which can't move slots by itself", run.Errors);
        Assert.Contains("NodeNotFound", (await _rco.RunAsync("plan", "--weight", "10.9.9.9:1=1", "--cluster", entry)).Errors);
        await cluster.Node(3).SendAsync("CLUSTER", "SETSLOT", 0, "IMPORTING", cluster.Node(0).Id);
        try
        {
            Assert.Contains("next: rco complete --slot 0", (await _rco.RunAsync("plan", "--use-empty-master", "--cluster", entry)).Errors);
        }
        finally
        {
            await cluster.Node(3).SendAsync("CLUSTER", "SETSLOT", 0, "STABLE");
        }
    }

    private static string Line(params string[] cells) => "(?m)^" + string.Join(@"\b.*\s", cells.Select(System.Text.RegularExpressions.Regex.Escape));
}
