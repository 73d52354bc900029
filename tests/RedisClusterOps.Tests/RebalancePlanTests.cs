using System;
using System.Collections;
using System.IO;
using System.Linq;
using System.Management.Automation.StandIn;
using System.Text.Json;
using Xunit;

namespace RedisClusterOps.Tests;

/// <summary>New-RedisRebalancePlan on a real cluster, on the stand-in engine. A cluster of its own: where other tests leave slots open there is no plan.</summary>
public sealed class RebalancePlanTests(LabCluster lab) : IClassFixture<LabCluster>, IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("redisclusterops-plan-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Weights_are_read_as_a_person_types_them_and_nothing_is_written_to_the_cluster()
    {
        var before = ServerProbe.WritesSeen(lab.Nodes);
        var (empty, half) = (Nodes()[0], Nodes()[1]);
        // A number, the text of one, and an id instead of an address.
        var plan = Plan(("Weight", new Hashtable { [empty.Endpoint] = 0, [half.Id] = "0.5" }), ("UseEmptyMaster", true), ("Threshold", 0.0), ("Method", MoveMethod.KeyByKey));
        Assert.Equal([0, 0.5], plan.Before.Where(share => share.Id == empty.Id || share.Id == half.Id).Select(share => share.Weight!.Value).Order());
        Assert.Equal(0, plan.After.Single(share => share.Id == empty.Id).SlotCount);
        Assert.Equal(HashShare(0.5, 2.5), plan.After.Single(share => share.Id == half.Id).SlotCount);
        Assert.NotNull(plan.Cluster);
        Assert.Equal(before, ServerProbe.WritesSeen(lab.Nodes));
    }

    [Fact]
    public void The_file_holds_the_plan_that_is_emitted()
    {
        var file = Path.Combine(_folder.FullName, "plan.json");
        var plan = Plan(("UseEmptyMaster", true), ("By", RebalanceMeasure.Slots), ("OutFile", file));
        var written = JsonDocument.Parse(File.ReadAllText(file)).RootElement;
        Assert.Equal(plan.Fingerprint, written.GetProperty("fingerprint").GetString());
        Assert.Equal(4096, plan.SlotCount);
        Assert.Equal(
            plan.Moves.Select(move => (move.SourceId, move.TargetId, string.Join(",", move.SlotRanges))),
            written.GetProperty("moves").EnumerateArray().Select(move => (move.GetProperty("sourceId").GetString()!, move.GetProperty("targetId").GetString()!, move.GetProperty("slots").GetString()!)));
    }

    [Fact]
    public void What_can_not_be_is_one_error_with_a_stable_id_and_what_to_run()
    {
        var node = Nodes()[0].Endpoint;
        foreach (var (id, weight) in new (string, Hashtable)[]
                 {
                     ("InvalidArgument", new() { [node] = "much" }), ("InvalidArgument", new() { [node] = null }), ("InvalidArgument", new() { [node] = -1 }),
                     ("NodeNotFound", new() { ["10.9.9.9:1"] = 1 }),
                 })
        {
            var error = new Engine().Run("New-RedisRebalancePlan", ("Cluster", lab.Entry), ("Weight", weight)).TerminatingError;
            Assert.Equal(id, error!.FullyQualifiedErrorId);
            Assert.False(string.IsNullOrEmpty(error.ErrorDetails!.RecommendedAction));
        }

        var unwritable = new Engine().Run("New-RedisRebalancePlan", ("Cluster", lab.Entry), ("OutFile", Path.Combine(_folder.FullName, "no", "plan.json"))).TerminatingError;
        Assert.Equal("InvalidPlanFile", unwritable!.FullyQualifiedErrorId);
    }

    private static int HashShare(double weight, double all) => (int)Math.Round(16384 * weight / all);

    private RedisRebalancePlan Plan(params (string Name, object? Value)[] parameters)
    {
        var run = new Engine().Run("New-RedisRebalancePlan", [("Cluster", lab.Entry), .. parameters]);
        Assert.Null(run.TerminatingError);
        Assert.Empty(run.Questions);
        return Assert.IsType<RedisRebalancePlan>(Assert.Single(run.Output));
    }

    private RedisClusterNode[] Nodes() => [.. new Engine().Run("Get-RedisClusterNode", ("Cluster", lab.Entry)).Output.Cast<RedisClusterNode>()];
}
