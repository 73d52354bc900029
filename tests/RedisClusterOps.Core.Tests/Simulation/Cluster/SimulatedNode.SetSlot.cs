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
                return RespValue.Bulk("cluster_state:" + (IsHealthy ? "ok" : "fail") + "\r\n");
            case "LINKS":
                return RespValue.Array([.. _cluster.Nodes.Where(other => other != this).Select(LinkTo)]);
            case "MYID":
                return RespValue.Bulk(Id);
            case "COUNTKEYSINSLOT":
                return call.Slot(2) is { } counted
                    ? RespValue.Number(Seen(call.Database, counted)?.Count ?? 0)
                    : RespValue.Error("ERR Invalid slot");
            case "GETKEYSINSLOT":
                return call.Slot(2) is { } listed
                    ? RespValue.Array(
                        [.. KeysIn(call.Database, listed).Take((int)call.Number(3)).Select(key => RespValue.Bulk(SlotMap.Bytes(key)))])
                    : RespValue.Error("ERR Invalid slot or number of keys");
            case "BUMPEPOCH":
                var bumped = BumpWithoutConsensus();
                return RespValue.Simple((bumped ? "BUMPED " : "STILL ") + ConfigEpoch[Index].ToString(CultureInfo.InvariantCulture));
            case "SETSLOT":
                return SetSlot(call);
            case "ADDSLOTS":
                return AddSlot(call);
            case "DELSLOTS":
                return DropSlot(call);
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
        return Rules.HidesForeignKeys && Owner[part] != Index && Importing[part] == NoNode ? null : Keys.In(database, part);
    }

    private RespValue SetSlot(Call call)
    {
        if (!IsMaster)
            return RespValue.Error("ERR Please use SETSLOT only with " + (Rules.FlagsAreReplicated ? "primaries." : "masters."));
        if (call.Slot(2) is not { } slot)
            return RespValue.Error("ERR Invalid or out of range slot");
        var part = SlotMap.PartOf(slot);
        if (SlotMap.Ranges[part].Count != 1)
            return RespValue.Error("ERR the simulation has no single slot " + slot.ToString(CultureInfo.InvariantCulture));
        var action = call.Word(3);
        var known = action == "STABLE" ? null : _cluster.Nodes.FirstOrDefault(node => node.Id == call.Text(4));
        if (Refusal(action, slot, part, known) is { } refusal)
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

    private string? Refusal(string action, int slot, int part, SimulatedNode? peer)
    {
        var number = slot.ToString(CultureInfo.InvariantCulture);
        var master = Rules.FlagsAreReplicated ? "primary" : "master";
        switch (action)
        {
            case "MIGRATING" when Owner[part] != Index:
                return "ERR I'm not the owner of hash slot " + number;
            case "IMPORTING" when Owner[part] == Index:
                return "ERR I'm already the owner of hash slot " + number;
            case "MIGRATING" or "IMPORTING" when peer is null:
                return "ERR I don't know about node";
            case "NODE" when peer is null:
                return "ERR Unknown node";
            case "MIGRATING" or "IMPORTING" or "NODE" when MasterOf[peer!.Index] != NoNode:
                return "ERR Target node is not a " + master;
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
        Owner[part] = owner.Index;
        if (wasMine && owner != this && SlotsOwned == 0 && AllowsReplicaMigration)
        {
            BecomeReplicaOf(owner.Index);
            return;
        }

        if (owner != this || Importing[part] == NoNode)
            return;
        if (_cluster.Nodes.FirstOrDefault(node => node.IsUp && HasJustFailedOver(node, part)) is { } unheard)
            _cluster.Ledger.ExcuseRace(part, this, unheard);
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

    private RespValue AddSlot(Call call)
    {
        var part = SlotMap.PartOf(call.Slot(2)!.Value);
        if (Owner[part] != NoNode)
            return RespValue.Error("ERR Slot " + call.Text(2) + " is already busy");
        Owner[part] = Index;
        Importing[part] = NoNode;
        return Ok;
    }

    private RespValue DropSlot(Call call)
    {
        var part = SlotMap.PartOf(call.Slot(2)!.Value);
        if (Owner[part] == NoNode)
            return RespValue.Error("ERR Slot " + call.Text(2) + " is already unassigned");
        Owner[part] = NoNode;
        Migrating[part] = NoNode;
        if (Rules.DropDeletesKeys)
            Drop(part, "of a slot that was dropped");
        return Ok;
    }
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
