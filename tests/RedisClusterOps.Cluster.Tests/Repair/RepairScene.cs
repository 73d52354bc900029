using System.Collections.Generic;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Completion;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Repair;

/// <summary>What makes a slot broken, and the repair of it.</summary>
internal static class RepairScene
{
    /// <summary>Puts a key on a node that does not own the slot, as a client with an old idea of the cluster would. The node imports from then on.</summary>
    public static async Task StrayAsync(this SlotScene scene, LocalNode holder, byte[] key, string value)
    {
        if (!(await TestCluster.OwnLineOfAsync(holder)).ImportingFrom.ContainsKey(scene.Slot))
            await scene.SetSlotAsync(holder, "IMPORTING", scene.Source);
        await SlotScene.PipelineAsync(holder, [RespCommand.Of("ASKING"), RespCommand.Of("SET", key, value)]);
    }

    /// <summary>The plans of a repair of the slot alone.</summary>
    public static async Task<SlotPlan> PlanRepairAsync(this SlotScene scene, RepairOptions? repair = null, MoveOptions? options = null)
    {
        using var core = scene.Core();
        return Assert.Single(await core.PlanRepairAsync((repair ?? new RepairOptions()) with { Slots = [scene.Slot] }, options ?? new MoveOptions(), default));
    }

    /// <summary>Repairs just that slot.</summary>
    public static async Task<SlotOutcome> RepairAsync(this SlotScene scene, RepairOptions? repair = null, MoveOptions? options = null)
    {
        using var core = scene.Core();
        var plans = await core.PlanRepairAsync((repair ?? new RepairOptions()) with { Slots = [scene.Slot] }, options ?? new MoveOptions(), default);
        return await core.CarryOutAsync(Assert.Single(plans), default);
    }

    /// <summary>Repairs the slot and takes nothing less for an answer; a second repair finds nothing to do.</summary>
    public static async Task<RedisSlotMigrationResult> RepairSurelyAsync(this SlotScene scene, RepairOptions? repair = null, MoveOptions? options = null)
    {
        var outcome = await scene.RepairAsync(repair, options);
        Assert.True(outcome.Failure is null, outcome.Failure?.ToString());
        Assert.Equal(MigrationOutcome.Repaired, outcome.Result.Outcome);
        Assert.True((await scene.PlanRepairAsync()).IsDone);
        return outcome.Result;
    }

    /// <summary>Repairs the whole cluster.</summary>
    public static async Task<IReadOnlyList<SlotOutcome>> RepairAllAsync(this SlotScene scene, RepairOptions? repair = null, MoveOptions? options = null)
    {
        using var core = scene.Core();
        var plans = await core.PlanRepairAsync(repair ?? new RepairOptions(), options ?? new MoveOptions(), default);
        core.Announce(plans);
        var outcomes = new List<SlotOutcome>();
        foreach (var plan in plans)
            outcomes.Add(await core.CarryOutAsync(plan, default));
        return outcomes;
    }
}
