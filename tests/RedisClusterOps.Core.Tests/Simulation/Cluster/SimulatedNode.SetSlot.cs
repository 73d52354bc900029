using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>The CLUSTER commands, mainly SETSLOT (src/cluster_legacy.c: clusterCommandSpecial).</summary>
internal sealed partial class SimulatedNode
{
    private static readonly RespValue Ok = RespValue.Simple("OK");

    private RespValue Cluster(Call call)
    {
        switch (call.Word(1))
        {
            case "NODES":
                return RespValue.Bulk(DescribeNodes());
            case "INFO":
                return RespValue.Bulk(ClusterInfo());
            case "LINKS":
                return RespValue.Array([.. _cluster.Nodes.Where(other => other != this).Select(LinkTo)]);
            case "MYID":
                return RespValue.Bulk(Id);
            case "COUNTKEYSINSLOT":
                return call.Slot(2) is { } counted
                    ? RespValue.Number(Seen(call.Database, counted)?.Count ?? 0)
                    : RespValue.Error("ERR Invalid slot");
            case "COUNT-FAILURE-REPORTS":
                return _cluster.Nodes.FirstOrDefault(node => node.Id == call.Text(2) && Knows(node.Index)) is { } reported
                    ? RespValue.Number(System.Numerics.BitOperations.PopCount((uint)_reports[reported.Index]))
                    : RespValue.Error("ERR Unknown node " + call.Text(2));
            case "FORGET":
                return ForgetNode(call);
            case "MEET":
                return MeetNode(call);
            case "RESET":
                return Reset();
            case "FAILOVER":
                return FailOver(call);
            case "GETKEYSINSLOT":
                return call.Slot(2) is { } listed
                    ? RespValue.Array(
                        [.. KeysIn(call.Database, listed).Take((int)call.Number(3)).Select(key => RespValue.Bulk(SlotMap.Bytes(key)))])
                    : RespValue.Error("ERR Invalid slot or number of keys");
            case "BUMPEPOCH":
                var bumped = BumpWithoutConsensus();
                if (bumped && Rules.FlagsAreReplicated)
                    Broadcast();
                return RespValue.Simple((bumped ? "BUMPED " : "STILL ") + ConfigEpoch[Index].ToString(CultureInfo.InvariantCulture));
            case "SETSLOT":
                return SetSlot(call);
            case "ADDSLOTS" or "ADDSLOTSRANGE":
                return AddSlots(call);
            case "DELSLOTS" or "DELSLOTSRANGE":
                return DropSlots(call);
            case "MIGRATION" when Rules.HidesForeignKeys:
            case "GETSLOTMIGRATIONS" when Rules.FlagsAreReplicated:
                return RespValue.Array([]);
            default:
                return RespValue.Error("ERR unknown subcommand '" + call.Word(1) + "'. Try CLUSTER HELP.");
        }
    }

    private RespValue LinkTo(SimulatedNode other)
    {
        string[] fields = ["direction", "to", "node", other.Id, "events", _cluster.IsStalled(Index, other.Index) ? "rw" : "r"];
        return RespValue.Array([.. fields.Select(RespValue.Bulk)]);
    }

    // A server with several databases counts and lists the keys of the database that the connection has selected.
    private IEnumerable<string> KeysIn(int database, int slot) => Seen(database, slot)?.Keys ?? Enumerable.Empty<string>();

    private SortedDictionary<string, StoredValue>? Seen(int database, int slot)
    {
        var part = SlotMap.PartOf(slot);
        if (IsMaster)
            return Rules.HidesForeignKeys && Owner[part] != Index && Importing[part] == NoNode ? null : Keys.In(database, part);
        // A replica has the keys of its master.
        return (Lags ? Keys : _cluster.Nodes[MasterOf[Index]].Keys).In(database, part);
    }

    private string ClusterInfo()
    {
        var text = "cluster_state:" + (IsHealthy ? "ok" : "fail") + "\r\n";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{text}cluster_current_epoch:{CurrentEpoch}\r\ncluster_my_epoch:{ConfigEpoch[IsMaster ? Index : MasterOf[Index]]}\r\n");
    }

    private RespValue FailOver(Call call)
    {
        if (IsMaster)
            return RespValue.Error("ERR You should send CLUSTER FAILOVER to a replica");
        var old = _cluster.Nodes[MasterOf[Index]];
        if (call.Word(2) == "TAKEOVER")
            TakeOver();
        else if (call.Word(2) != "FORCE" && !old.IsUp)
            return RespValue.Error("ERR Master is down or failed, please use CLUSTER FAILOVER FORCE");
        else if (!WinElection())
            return Ok;
        return Ok;
    }

    private RespValue SetSlot(Call call)
    {
        if (!IsMaster)
            return RespValue.Error("ERR Please use SETSLOT only with masters.");
        if (call.Slot(2) is not { } slot)
            return RespValue.Error("ERR Invalid or out of range slot");
        var part = SlotMap.PartOf(slot);
        if (SlotMap.Ranges[part].Count != 1)
            return RespValue.Error("ERR the simulation has no single slot " + slot.ToString(CultureInfo.InvariantCulture));
        var action = call.Word(3);
        var known = action == "STABLE" ? null : _cluster.Nodes.FirstOrDefault(node => node.Id == call.Text(4) && Knows(node.Index));
        if (Refusal(action, slot, part, known, call.Text(4)) is { } refusal)
            return RespValue.Error(refusal);
        if (Rules.FlagsAreReplicated && _cluster.Nodes.Any(node => node.IsUp && node.Lags && node.MasterOf[node.Index] == Index))
            return RespValue.Error("NOREPLICAS Not enough good replicas to write.");
        Apply(action, part, known);
        if (Rules.FlagsAreReplicated)
        {
            foreach (var replica in _cluster.Nodes.Where(node => node.IsUp && node.MasterOf[node.Index] == Index))
                (replica.Owner[part], replica.Migrating[part], replica.Importing[part]) = (Owner[part], Migrating[part], Importing[part]);
        }

        return Ok;
    }

    private string? Refusal(string action, int slot, int part, SimulatedNode? peer, string id)
    {
        var number = slot.ToString(CultureInfo.InvariantCulture);
        switch (action)
        {
            case "MIGRATING" when Owner[part] != Index:
                return "ERR I'm not the owner of hash slot " + number;
            case "IMPORTING" when Owner[part] == Index:
                return "ERR I'm already the owner of hash slot " + number;
            case "MIGRATING" or "IMPORTING" when peer is null:
                return "ERR I don't know about node " + id;
            case "NODE" when peer is null:
                return "ERR Unknown node " + id;
            case "MIGRATING" or "IMPORTING" or "NODE" when MasterOf[peer!.Index] != NoNode:
                return "ERR Target node is not a master";
            case "MIGRATING" when peer == this && Rules.FlagsAreReplicated:
                return "ERR Target node is myself";
            case "NODE" when Owner[part] == Index && peer != this && Keys.CountIn(part) > 0:
                return "ERR Can't assign hashslot " + number + " to a different node while I still hold keys for this hash slot.";
            case "MIGRATING" or "IMPORTING" or "NODE" or "STABLE":
                return null;
            default:
                return "ERR Invalid CLUSTER SETSLOT action or number of arguments. Try CLUSTER HELP";
        }
    }

    private void Apply(string action, int part, SimulatedNode? peer)
    {
        switch (action)
        {
            case "MIGRATING":
                Migrating[part] = peer!.Index;
                break;
            case "IMPORTING":
                Importing[part] = peer!.Index;
                _importsSince[part] = _cluster.Clock.Now;
                break;
            case "STABLE":
                var imported = Importing[part] != NoNode;
                Migrating[part] = Importing[part] = NoNode;
                if (imported && Rules.StableDeletesImported && Owner[part] != Index)
                    Drop(part, "that it imported, at STABLE");
                break;
            default:
                Assign(part, peer!);
                break;
        }
    }

    private void Assign(int part, SimulatedNode owner)
    {
        if (Keys.CountIn(part) == 0)
            Migrating[part] = NoNode;
        var wasMine = Owner[part] == Index;
        SetOwner(part, owner.Index);
        if (owner == this && !wasMine)
            _assignedAt[part] = _cluster.Clock.Now;
        if (wasMine && owner != this && SlotsOwned == 0 && AllowsReplicaMigration)
        {
            BecomeReplicaOf(owner.Index);
            return;
        }

        if (owner != this || Importing[part] == NoNode)
            return;
        if (_cluster.Nodes.FirstOrDefault(node => node.IsUp && HasJustFailedOver(node, part)) is { } unheard)
            _cluster.Ledger.ExcuseRace(part, this + " cannot know of " + unheard);
        BumpWithoutConsensus();
        Importing[part] = NoNode;
        Broadcast();
    }

    /// <summary>
    /// True if the successor of the source has been elected and its message to this node is in transit. A handover in that fraction of a
    /// millisecond cannot know of it, and the epoch of the successor is higher.
    /// </summary>
    private bool HasJustFailedOver(SimulatedNode node, int part) => node != this && node.Owner[part] == node.Index
        && _cluster.Clock.Now - node._tookOverAt < SimulatedCluster.LongestWay && ConfigEpoch[node.Index] < node.ConfigEpoch[node.Index];

    private RespValue AddSlots(Call call)
    {
        if (PartsOf(call) is not { } parts)
            return RespValue.Error("ERR Invalid or out of range slot");
        if (parts.FirstOrDefault(part => Owner[part] != NoNode, NoNode) is not NoNode and var busy)
            return RespValue.Error("ERR Slot " + FirstOf(call, busy) + " is already busy");
        foreach (var part in parts)
        {
            SetOwner(part, Index);
            Importing[part] = NoNode;
        }

        return Ok;
    }

    private RespValue DropSlots(Call call)
    {
        if (PartsOf(call) is not { } parts)
            return RespValue.Error("ERR Invalid or out of range slot");
        if (parts.FirstOrDefault(part => Owner[part] == NoNode, NoNode) is not NoNode and var free)
            return RespValue.Error("ERR Slot " + FirstOf(call, free) + " is already unassigned");
        foreach (var part in parts)
        {
            SetOwner(part, NoNode);
            Migrating[part] = NoNode;
            if (Rules.DropDeletesKeys)
                Drop(part, "of a slot that was dropped");
        }

        return Ok;
    }

    // The simulation has no state for a piece of a part, so a command names whole parts.
    private static List<int>? PartsOf(Call call)
    {
        var slots = SlotsOf(call).ToList();
        if (slots.Any(slot => slot is null))
            return null;
        var parts = slots.Select(slot => SlotMap.PartOf(slot!.Value)).Distinct().ToList();
        return parts.Sum(part => SlotMap.Ranges[part].Count) == slots.Count
            ? parts
            : throw new System.NotSupportedException("The simulation cannot divide a part of the slots: " + call);
    }

    private static IEnumerable<int?> SlotsOf(Call call)
    {
        var isRange = call.Word(1).EndsWith("RANGE", System.StringComparison.Ordinal);
        for (var i = 2; i < call.Count; i += isRange ? 2 : 1)
        {
            if (call.Slot(i) is not { } first || (isRange && call.Slot(i + 1) is null))
            {
                yield return null;
                yield break;
            }

            for (var slot = first; slot <= (isRange ? call.Slot(i + 1)!.Value : first); slot++)
                yield return slot;
        }
    }

    private static string FirstOf(Call call, int part) =>
        SlotsOf(call).First(slot => SlotMap.PartOf(slot!.Value) == part)!.Value.ToString(CultureInfo.InvariantCulture);
}

/// <summary>A command as the server reads it, with the state of its connection.</summary>
internal readonly struct Call(RespCommand command, ConnectionState connection)
{
    public ConnectionState Connection => connection;

    public int Database => connection.Database;

    public int Count => command.Arguments.Count;

    public byte[] Raw(int index) => command.Arguments[index];

    public string Text(int index) => index < Count ? SlotMap.Name(command.Arguments[index]) : string.Empty;

    public string Word(int index) => Text(index).ToUpperInvariant();

    public long Number(int index) => long.Parse(Text(index), CultureInfo.InvariantCulture);

    public int? Slot(int index) =>
        int.TryParse(Text(index), NumberStyles.None, CultureInfo.InvariantCulture, out var slot) && slot < HashSlot.Count ? slot : null;

    public override string ToString() => command.ToString();
}
