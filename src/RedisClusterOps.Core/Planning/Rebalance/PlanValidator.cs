using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;
using static RedisClusterOps.Protocol.Numbers;

namespace RedisClusterOps.Planning.Rebalance;

/// <summary>Makes a plan of a file's content. The file may come from anyone, so everything in it is checked against the rest.</summary>
internal static class PlanValidator
{
    private const int MostNodes = HashSlot.Count;
    private const int MostFindings = 1000;

    // 2^60 bytes or keys: the sum over all masters still fits a decimal.
    private const long MostCounted = 1L << 60;

    /// <exception cref="FormatException">What is wrong, as the end of a sentence.</exception>
    public static RedisRebalancePlan Read(PlanDocument file)
    {
        if (file.Version != PlanDocument.CurrentVersion)
            throw Wrong("its version is " + file.Version.ToString(CultureInfo.InvariantCulture) + ", and this module reads version 1");
        const DateTimeStyles Style = DateTimeStyles.RoundtripKind;
        var isTime = DateTime.TryParseExact(file.CreatedAt, "o", CultureInfo.InvariantCulture, Style, out var created);
        if (!isTime || created.Kind != DateTimeKind.Utc)
            throw Wrong("createdAt is not a UTC time");
        var before = ReadShares(file.Before, "before");
        var after = ReadShares(file.After, "after");
        var moves = (file.Moves ?? throw Wrong("it has no moves")).Select(ReadMove).ToList();
        RequireConsistent(before, after, moves);
        if (file.Fingerprint != FingerprintOf(before))
            throw Wrong("its fingerprint does not match the slots that it lists");
        return new RedisRebalancePlan
        {
            Kind = OneOf(file.Operation, "operation", MigrationOperation.Rebalance, MigrationOperation.Move, MigrationOperation.Undo),
            Moves = moves,
            Before = before,
            After = after,
            Fingerprint = file.Fingerprint!,
            CreatedAt = created,
            Options = file.Options is null ? null : ReadOptions(file.Options),
            Findings = Bounded(file.Findings ?? [], MostFindings, "findings").Select(ReadNote).ToList(),
            Cluster = file.Seeds is null ? null
                : new RedisClusterSession(Bounded(file.Seeds, MostNodes, "cluster").Select(ReadSeed), new ConnectionOptions()),
        };
    }

    private static void RequireConsistent(
        IReadOnlyList<RedisNodeShare> before, IReadOnlyList<RedisNodeShare> after, IReadOnlyList<RedisSlotMove> moves)
    {
        var names = before.ToDictionary(share => share.Id, share => share.Node, StringComparer.Ordinal);
        var owners = OwnersOf(before, "before");
        var then = (string?[])owners.Clone();
        var moved = new bool[HashSlot.Count];
        foreach (var move in moves)
        {
            if (move.SourceId == move.TargetId)
                throw Wrong("a move has " + move.Source + " as its source and its target");
            if (Named(move.SourceId) != move.Source || Named(move.TargetId) != move.Target)
                throw Wrong("a move names a master that is not in before: " + move.Source + " -> " + move.Target);
            foreach (var slot in SlotSet.From(move.Ranges).Slots)
            {
                if (moved[slot])
                    throw Wrong("slot " + Number(slot) + " moves twice");
                if (owners[slot] != move.SourceId)
                    throw Wrong("slot " + Number(slot) + " moves from " + move.Source + ", which does not have it in before");
                (moved[slot], then[slot]) = (true, move.TargetId);
            }
        }

        if (!OwnersOf(after, "after").SequenceEqual(then))
            throw Wrong("after does not match before and the moves");

        string? Named(string id) => names.TryGetValue(id, out var name) ? name : null;
    }

    private static string?[] OwnersOf(IReadOnlyList<RedisNodeShare> shares, string where)
    {
        var owners = new string?[HashSlot.Count];
        foreach (var share in shares)
        {
            foreach (var slot in SlotSet.From(share.Ranges).Slots)
                owners[slot] = owners[slot] is null ? share.Id : throw Wrong("slot " + Number(slot) + " has two owners in " + where);
        }

        return owners;
    }

    /// <summary>The fingerprint of the owner map that shares make.</summary>
    private static string FingerprintOf(IReadOnlyList<RedisNodeShare> shares)
    {
        var owners = OwnersOf(shares, "before");
        return ClusterView.FingerprintOf(slot => owners[slot]);
    }

    private static List<RedisNodeShare> ReadShares(PlanShare[]? shares, string where)
    {
        var read = Bounded(shares ?? throw Wrong("it has no " + where), MostNodes, where).Select(share => Read(share, where)).ToList();
        return read.GroupBy(share => share.Id, StringComparer.Ordinal).FirstOrDefault(same => same.Count() > 1) is { } twice
            ? throw Wrong(twice.First().Node + " appears twice in " + where) : read;
    }

    private static RedisNodeShare Read(PlanShare share, string where)
    {
        var slots = ReadSlots(share.Slots, where, mayBeNone: true);
        return new RedisNodeShare
        {
            Node = ReadText(share.Node, "a node in " + where),
            Id = ReadId(share.Id),
            SlotCount = slots.Count,
            Ranges = slots.Ranges,
            Keys = ReadCount(share.Keys, "keys"),
            Bytes = ReadCount(share.Bytes, "bytes"),
            Load = ReadCount(share.Load, "load"),
            Weight = share.Weight is { } weight ? ReadNumber(weight, "weight", double.MaxValue) : null,
            Share = ReadNumber(share.Share, "share", 100),
        };
    }

    private static RedisSlotMove ReadMove(PlanMove? move) => move is null ? throw Wrong("one of its moves is null") : new RedisSlotMove
    {
        Source = ReadText(move.Source, "the source of a move"),
        SourceId = ReadId(move.SourceId),
        Target = ReadText(move.Target, "the target of a move"),
        TargetId = ReadId(move.TargetId),
        Ranges = ReadSlots(move.Slots, "a move", mayBeNone: false).Ranges,
        EstimatedKeys = ReadCount(move.EstimatedKeys, "estimatedKeys"),
        EstimatedBytes = ReadCount(move.EstimatedBytes, "estimatedBytes"),
        DecidedMethod = OneOf(move.Method, "the method of a move", MoveMethod.Atomic, MoveMethod.KeyByKey),
    };

    private static RebalanceOptions ReadOptions(PlanOptions options)
    {
        var weights = new Dictionary<string, double>(StringComparer.Ordinal);
        foreach (var weight in Bounded(options.Weights ?? [], MostNodes, "weights"))
            weights[ReadText(weight.Node, "a weight's node")] = ReadNumber(weight.Weight, "weight", double.MaxValue);
        return new RebalanceOptions
        {
            By = OneOf(options.By, "by", All<RebalanceMeasure>()),
            Threshold = ReadNumber(options.Threshold, "threshold", 100),
            UseEmptyMaster = options.UseEmptyMaster,
            Weights = weights,
            Exclude = [.. Bounded(options.Exclude ?? [], MostNodes, "exclude").Select(node => ReadText(node, "an excluded node"))],
            MaxSlots = ReadNumber(options.MaxSlots, "maxSlots", HashSlot.Count) is var most and > 0 ? (int)most : null,
        };
    }

    private static PlanFinding ReadNote(PlanNote note) => new()
    {
        Code = OneOf(note.Code, "the code of a finding", All<PlanFindingCode>()),
        Severity = OneOf(note.Severity, "the severity of a finding", All<FindingSeverity>()),
        Target = ReadText(note.Target, "the target of a finding"),
        Message = ReadText(note.Message, "the message of a finding"),
        Advice = note.Advice is null ? null : ReadText(note.Advice, "the advice of a finding"),
    };

    private static SlotSet ReadSlots(string? text, string where, bool mayBeNone)
    {
        var ranges = new List<SlotRange>();
        foreach (var part in (text ?? throw Wrong("there are no slots in " + where)).Split([','], StringSplitOptions.RemoveEmptyEntries))
        {
            ranges.Add(SlotRange.TryParse(part, out var range) ? range
                : throw Wrong("'" + Shown(part) + "' in " + where + " is not a range of slots"));
        }

        var slots = SlotSet.From(ranges);
        if (slots.Count != ranges.Sum(range => range.Count))
            throw Wrong("a slot appears twice in a list of " + where);
        return slots.Count > 0 || mayBeNone ? slots : throw Wrong("a move has no slot");
    }

    private static NodeEndpoint ReadSeed(string? text) =>
        NodeEndpoint.TryParse(text, out var endpoint) ? endpoint
        : throw Wrong("'" + Shown(text ?? string.Empty) + "' in cluster is not host:port");

    private static string ReadId(string? id) => id is { Length: 40 } && id.All(c => c is >= '0' and <= '9' or >= 'a' and <= 'f')
        ? id
        : throw Wrong("'" + Shown(id ?? string.Empty) + "' is not a node id");

    // The text will be printed, so it must not contain control characters that a terminal obeys.
    private static string ReadText(string? text, string what) =>
        text is { Length: > 0 and <= 2000 } && Printable.Clean(text, int.MaxValue) == text ? text
        : throw Wrong(what + " is not plain text");

    // By name. The number of a member is not accepted.
    private static T OneOf<T>(string? text, string what, params T[] known)
        where T : struct, Enum
    {
        foreach (var one in known)
        {
            if (one.ToString() == text)
                return one;
        }

        throw Wrong(what + " is not one of " + string.Join(", ", known));
    }

    private static T[] All<T>()
        where T : struct, Enum => (T[])Enum.GetValues(typeof(T));

    private static long? ReadCount(long? count, string what) =>
        count is null or (>= 0 and <= MostCounted) ? count
        : throw Wrong(what + " can't be " + count.Value.ToString(CultureInfo.InvariantCulture));

    private static double ReadNumber(double number, string what, double most) =>
        number >= 0 && number <= most ? number
        : throw Wrong(what + " can't be " + number.ToString("R", CultureInfo.InvariantCulture));

    private static T[] Bounded<T>(T[] items, int most, string what) =>
        items.Length > most ? throw Wrong(what + " has more than " + Number(most) + " entries")
        : items.Any(item => item is null) ? throw Wrong("an entry of " + what + " is null") : items;

    private static FormatException Wrong(string what) => new(what);

    private static string Shown(string text) => Printable.Clean(text, 60);
}
