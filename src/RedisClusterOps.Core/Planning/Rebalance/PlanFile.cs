using System;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Runtime.Serialization;
using System.Runtime.Serialization.Json;
using System.Text;
using System.Xml;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Planning.Rebalance;

/// <summary>A plan on disk, for review and for later. Indented JSON, without user and password.</summary>
internal static class PlanFile
{
    /// <summary>A plan for the largest cluster, with every slot a range of its own, needs less than a quarter of this.</summary>
    public const int LongestFile = 4 << 20;

    private static readonly DataContractJsonSerializer Serializer = new(typeof(PlanDocument));

    // Depth: the plan, its lists, their entries, and the members of the entries.
    private static readonly XmlDictionaryReaderQuotas Quotas = new()
    {
        MaxDepth = 8,
        MaxStringContentLength = LongestFile,
        MaxArrayLength = LongestFile,
    };

    /// <summary>Writes a plan. An existing file stays until the new one is complete.</summary>
    /// <exception cref="RedisOperationException">InvalidPlanFile: the file can't be written.</exception>
    public static void Write(string path, RedisRebalancePlan plan)
    {
        try
        {
            // Readable for others, so that a colleague can review it.
            WholeFile.Write(
                path,
                file =>
                {
                    var encoding = new UTF8Encoding(false);
                    using (var writer = JsonReaderWriterFactory.CreateJsonWriter(file, encoding, ownsStream: false, indent: true))
                        Serializer.WriteObject(writer, DocumentOf(plan));
                    file.WriteByte((byte)'\n');
                },
                isPrivate: false);
        }
        catch (Exception failure) when (WholeFile.IsFileError(failure))
        {
            throw new RedisOperationException(
                FailureCode.InvalidPlanFile,
                "The plan can't be written to '" + Printable.Clean(path) + "': " + Printable.Clean(failure.Message).TrimEnd('.') + ".",
                path,
                new NextAction(NextActionCode.PlanRebalance) { Node = "<a file in a writable folder>" },
                failure);
        }
    }

    /// <exception cref="RedisOperationException">InvalidPlanFile: the file can't be read, or is not a valid plan.</exception>
    public static RedisRebalancePlan Read(string path) =>
        Read(path, () => WholeFile.Read(path, LongestFile, "it is longer than any plan", FileShare.Read));

    internal static RedisRebalancePlan Read(string path, Func<byte[]> read)
    {
        try
        {
            return PlanValidator.Read(Parse(read()));
        }
        catch (Exception failure) when (WholeFile.IsFileError(failure) || failure is FormatException or SerializationException
            or XmlException or OverflowException or InvalidOperationException or IndexOutOfRangeException)
        {
            // The JSON reader's own messages about invalid JSON speak of XML.
            var why = failure is FormatException or IOException or UnauthorizedAccessException
                ? Printable.Clean(failure.Message).TrimEnd('.')
                : "it is not the JSON of a plan";
            throw new RedisOperationException(
                FailureCode.InvalidPlanFile,
                "'" + Printable.Clean(path) + "' is not a valid plan: " + why + ".",
                path,
                new NextAction(NextActionCode.PlanRebalance) { Node = "<file>" },
                failure);
        }
    }

    private static PlanDocument Parse(byte[] bytes)
    {
        // The JSON reader accepts a truncated document as if it were complete.
        var length = bytes.Length;
        while (length > 0 && bytes[length - 1] is (byte)'\n' or (byte)'\r' or (byte)' ')
            length--;
        if (length == 0 || bytes[length - 1] != (byte)'}')
            throw new FormatException("it is empty or cut off");
        var start = bytes[0] == 0xEF && length > 3 ? 3 : 0;
        using var reader = JsonReaderWriterFactory.CreateJsonReader(bytes, start, length - start, Encoding.UTF8, Quotas, null);
        return Serializer.ReadObject(reader) as PlanDocument ?? throw new FormatException("it is not the JSON of a plan");
    }

    private static PlanDocument DocumentOf(RedisRebalancePlan plan) => new()
    {
        Version = PlanDocument.CurrentVersion,
        Operation = plan.Operation,
        CreatedAt = plan.CreatedAt.ToString("o", CultureInfo.InvariantCulture),
        Seeds = plan.Cluster?.Seeds.Select(seed => seed.ToString()).ToArray(),
        Fingerprint = plan.Fingerprint,
        Options = plan.Options is not { } options ? null : new PlanOptions
        {
            By = options.By.ToString(),
            Threshold = options.Threshold,
            UseEmptyMaster = options.UseEmptyMaster,
            Weights = options.Weights.OrderBy(pair => pair.Key, StringComparer.Ordinal)
                .Select(pair => new PlanWeight { Node = pair.Key, Weight = pair.Value }).ToArray(),
            Exclude = options.Exclude.Count == 0 ? null : [.. options.Exclude],
            MaxSlots = options.MaxSlots ?? 0,
        },
        Moves = plan.Moves.Select(move => new PlanMove
        {
            Source = move.Source,
            SourceId = move.SourceId,
            Target = move.Target,
            TargetId = move.TargetId,
            Slots = move.SlotRanges,
            EstimatedKeys = move.EstimatedKeys,
            EstimatedBytes = move.EstimatedBytes,
            Method = move.Method,
        }).ToArray(),
        Before = plan.Before.Select(DocumentOf).ToArray(),
        After = plan.After.Select(DocumentOf).ToArray(),
        Findings = plan.Findings.Count == 0 ? null : plan.Findings.Select(finding => new PlanNote
        {
            Code = finding.Code.ToString(),
            Severity = finding.Severity.ToString(),
            Target = finding.Target,
            Message = finding.Message,
            Advice = finding.Advice,
        }).ToArray(),
    };

    private static PlanShare DocumentOf(RedisNodeShare share) => new()
    {
        Node = share.Node,
        Id = share.Id,
        Slots = share.SlotRanges,
        Keys = share.Keys,
        Bytes = share.Bytes,
        Weight = share.Weight,
        Share = share.Share,
        Load = share.Load,
    };
}
