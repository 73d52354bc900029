using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Migration.Slot;
using RedisClusterOps.Planning.Slots;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Bulk;

/// <summary>
/// Makes one master the owner of many slots that no reachable node owns: its epoch is raised once, and the slots are assigned in ranges.
/// </summary>
internal sealed class BulkAdoption(ClusterReader reader, OperationLog? log, StopRequest stop)
{
    private const int Window = 500;

    /// <summary>True if a plan only assigns a slot that no reachable node owns.</summary>
    public static bool IsAdoption(SlotPlan plan) =>
        plan is { Request: RepairRequest, Refusal: null } && plan.Actions.Any(action => action is AddUnownedSlot or TakeFromUnreachable);

    /// <summary>Assigns the slots.</summary>
    /// <param name="view">The cluster that the plans were made from.</param>
    /// <param name="plans">Plans for which <see cref="IsAdoption"/> is true, all with the same target.</param>
    /// <returns>The plans whose slots the target owns now.</returns>
    public async Task<IReadOnlyList<SlotPlan>> RunAsync(ClusterView view, IReadOnlyList<SlotPlan> plans)
    {
        var owner = view.Node(plans[0].TargetId)!;
        IReadOnlyList<ClusterNode> witnesses = [.. view.Nodes.Where(node => node.IsReachable)];
        var epoch = new WinningEpoch(reader, log);
        await epoch.EnsureAsync(owner, witnesses, null, stop).ConfigureAwait(false);
        var masters = await epoch.ReadOtherMastersAsync(owner, witnesses, stop).ConfigureAwait(false);
        plans = plans.Where(plan => !masters.Any(master => master.Self.Slots.Contains(plan.Slot))).ToList();
        var actions = plans.Select(plan => plan.Actions.First(action => action is AddUnownedSlot or TakeFromUnreachable)).ToList();
        await SendAsync(owner, Commands(owner, actions)).ConfigureAwait(false);
        await epoch.EnsureAsync(owner, witnesses, null, stop).ConfigureAwait(false);
        // A refused command leaves its slot without an owner, so no other node is sent this one. It is planned again.
        var owned = (await reader.ReadNodeAsync(owner, stop.Abort).ConfigureAwait(false)).Self.Slots;
        var adopted = plans.Where(plan => owned.Contains(plan.Slot)).ToList();
        if (adopted.Count == 0)
            return [];
        log?.State(null, owner.Name + " was assigned slots " + SlotSet.From(adopted.Select(plan => plan.Slot)));
        var others = view.Masters.Where(node => node.IsReachable && node.Id != owner.Id);
        await FanOut.AllAsync(
            others,
            node => NotifyAsync(node, adopted.Select(plan => RespCommand.Of("CLUSTER", "SETSLOT", plan.Slot, "NODE", owner.Id)).ToList()),
            stop.Abort).ConfigureAwait(false);
        return adopted;
    }

    private static IEnumerable<RespCommand> Commands(ClusterNode owner, IReadOnlyList<SlotAction> actions)
    {
        var unowned = SlotSet.From(actions.OfType<AddUnownedSlot>().Where(add => add.Believed is null).Select(add => add.Slot));
        foreach (var range in unowned.Ranges)
        {
            yield return owner.View!.Facts is { Engine: ServerEngine.Redis } facts && !facts.IsAtLeast(7, 0)
                ? RespCommand.Of(["CLUSTER", "ADDSLOTS", .. SlotSet.From([range]).Slots.Select(slot => (object)slot)])
                : RespCommand.Of("CLUSTER", "ADDSLOTSRANGE", range.First, range.Last);
        }

        foreach (var action in actions)
        {
            var from = action is TakeFromUnreachable take ? take.Absent.Id : ((AddUnownedSlot)action).Believed;
            if (from is null)
                continue;
            yield return RespCommand.Of("CLUSTER", "SETSLOT", action.Slot, "IMPORTING", from);
            yield return RespCommand.Of("CLUSTER", "SETSLOT", action.Slot, "NODE", owner.Id);
        }
    }

    // A refused command shows in the next reading.
    private async Task SendAsync(ClusterNode node, IEnumerable<RespCommand> commands)
    {
        var all = commands.ToList();
        for (var sent = 0; sent < all.Count; sent += Window)
        {
            stop.ThrowIfRequested();
            var connection = await reader.ConnectAsync(node, stop.Abort).ConfigureAwait(false);
            await connection.SendAsync(all.Skip(sent).Take(Window).ToList(), null, stop.Abort).ConfigureAwait(false);
        }
    }

    private async Task<bool> NotifyAsync(ClusterNode node, IReadOnlyList<RespCommand> commands)
    {
        try
        {
            await SendAsync(node, commands).ConfigureAwait(false);
            return true;
        }
        catch (RedisOperationException failure)
        {
            log?.Warning(null, node.Name + " could not be sent the new owner (" + Printable.Clean(failure.Message, 160)
                + "); it should learn it by gossip.");
            return false;
        }
    }
}
