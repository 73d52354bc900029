using System.Linq;
using RedisClusterOps.Planning.Rebalance;
using Xunit;

namespace RedisClusterOps.Core.Tests.Planning;

/// <summary>A plan is for the owner map that it was made from, and for no other.</summary>
public sealed class PlanFreshnessTests
{
    private static readonly PlannedCluster Cluster = PlannedCluster.Runs(10000, 6384);

    [Fact]
    public void A_plan_is_fresh_while_no_slot_has_another_owner() =>
        PlanFreshness.RequireFresh(Cluster.Plan(), PlannedCluster.Runs(10000, 6384).View());

    [Fact]
    public void A_stale_plan_lists_the_slots_with_another_owner()
    {
        var plan = Cluster.Plan();
        var changed = Cluster.OwnerOfSlot.Select((owner, slot) => slot < 100 ? 1 : slot == 12000 ? 0 : slot == 5000 ? -1 : owner).ToList();
        var refusal = Refusal(plan, new PlannedCluster(changed, 2));
        Assert.Equal((FailureCode.StalePlan, "New-RedisRebalancePlan"), (refusal.Code, refusal.NextStep()));
        Assert.Contains(
            "slots 0-99 belong to 10.0.0.2:6379 now, not to 10.0.0.1:6379; slot 5000 has no owner now, and belonged to 10.0.0.1:6379; "
                + "slot 12000 belongs to 10.0.0.1:6379 now, not to 10.0.0.2:6379.",
            refusal.Message);
    }

    [Fact]
    public void Many_changes_are_summarized()
    {
        var cluster = PlannedCluster.Runs(4096, 4096, 4096, 4096);
        var refusal = Refusal(cluster.Plan(),
            new PlannedCluster(cluster.OwnerOfSlot.Select((owner, slot) => slot % 2 == 0 ? (owner + 1) % 4 : owner).ToList(), 4));
        Assert.Contains("0,2,4,6,8,… (2048 in all)", refusal.Message);
        Assert.Contains("and 2048 more slots", refusal.Message);
        Assert.InRange(refusal.Message.Length, 0, 600);
    }

    [Fact]
    public void A_plan_is_stale_once_it_was_carried_out()
    {
        var plan = Cluster.Plan();
        Assert.Contains("slots 0-1807 belong to 10.0.0.2:6379 now", Refusal(plan, Cluster.After(plan)).Message);
    }

    [Fact]
    public void A_plan_for_another_cluster_is_refused_as_such()
    {
        var plan = Cluster.Plan();
        var foreign = plan with { Fingerprint = "other",
            Before = [.. plan.Before.Select((share, index) => share with { Id = PlannedCluster.Id(100 + index) })] };
        Assert.Contains("for another cluster", Refusal(foreign, Cluster).Message);
    }

    private static RedisOperationException Refusal(RedisRebalancePlan plan, PlannedCluster now) =>
        Assert.Throws<RedisOperationException>(() => PlanFreshness.RequireFresh(plan, now.View()));
}
