using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Runtime.Serialization;
using System.Runtime.Serialization.Json;
using System.Text;
using System.Xml;
using RedisClusterOps.Protocol;
using static RedisClusterOps.Protocol.Numbers;

namespace RedisClusterOps.Diagnosis;

/// <summary>
/// The state file of alerts: observations kept from one check to the next. Private to its owner, and written completely or not at all.
/// </summary>
internal static class ObservationFile
{
    /// <summary>In bytes. A file with all 16384 slots open takes about half.</summary>
    public const int LongestFile = 8 << 20;

    private const int MostObservations = 40_000;
    private const int LongestName = 100_000;

    private static readonly DataContractJsonSerializer Serializer = new(typeof(ObservationDocument));

    // Depth: the document, its lists, their entries, the entries' members.
    private static readonly XmlDictionaryReaderQuotas Quotas = new()
    {
        MaxDepth = 8,
        MaxStringContentLength = LongestFile,
        MaxArrayLength = LongestFile,
    };

    /// <summary>Reads what the last check left.</summary>
    /// <returns>The ids of the cluster's nodes, and the observations. Both are empty if there is no file yet.</returns>
    /// <exception cref="FormatException">The file is not a state file or can't be read; the message says why.</exception>
    public static (IReadOnlyList<string> NodeIds, IReadOnlyList<Observation> Observations) Read(string path)
    {
        try
        {
            if (!File.Exists(path))
                return ([], []);
            var bytes = WholeFile.Read(path, LongestFile, "it is longer than any state file", FileShare.ReadWrite | FileShare.Delete);
            var document = Parse(bytes);
            if (document.Version != ObservationDocument.CurrentVersion)
            {
                throw new FormatException(
                    "it has version " + Number(document.Version)
                        + ", and this module reads version " + Number(ObservationDocument.CurrentVersion));
            }

            if (document.NodeIds is null || document.Seen is null || document.Seen.Length > MostObservations)
                throw new FormatException("required parts are missing");
            return (document.NodeIds.Where(id => id is not null).ToArray(), document.Seen.Select(ObservationOf).ToArray());
        }
        catch (Exception failure) when (failure is not FormatException && (WholeFile.IsFileError(failure) || failure
            is SerializationException or XmlException or OverflowException or InvalidOperationException or IndexOutOfRangeException))
        {
            // The JSON reader's own messages mention XML, so they are replaced.
            var why = failure is IOException or UnauthorizedAccessException
                ? Printable.Clean(failure.Message).TrimEnd('.')
                : "it is not the JSON of a state file";
            throw new FormatException(why, failure);
        }
    }

    /// <summary>Writes the file completely or not at all: the previous content stays until the new one is complete.</summary>
    /// <param name="path">The file.</param>
    /// <param name="nodeIds">The ids of the cluster's nodes.</param>
    /// <param name="observations">The observations to keep.</param>
    /// <param name="now">UTC.</param>
    /// <param name="keepAs">Where to keep the previous content, if it is not a state file; null to discard it.</param>
    /// <exception cref="RedisOperationException">StateFileUnavailable.</exception>
    public static void Write(
        string path, IEnumerable<string> nodeIds, IReadOnlyList<Observation> observations, DateTime now, string? keepAs)
    {
        var document = new ObservationDocument
        {
            Version = ObservationDocument.CurrentVersion,
            WrittenAt = Text(now),
            NodeIds = nodeIds.ToArray(),
            Seen = observations.Take(MostObservations).Select(ProblemOf).ToArray(),
        };
        try
        {
            WholeFile.Write(
                path,
                file =>
                {
                    Serializer.WriteObject(file, document);
                    file.WriteByte((byte)'\n');
                },
                isPrivate: true,
                keepAs);
        }
        catch (Exception failure) when (WholeFile.IsFileError(failure))
        {
            throw new RedisOperationException(
                FailureCode.StateFileUnavailable,
                "The state file '" + Printable.Clean(path) + "' can't be written: " + Printable.Clean(failure.Message).TrimEnd('.')
                    + ". This check was not recorded.",
                path,
                new NextAction(NextActionCode.WriteAlertState) { Node = "<a file in a folder that can be written>" },
                failure);
        }
    }

    private static Observation ObservationOf(ObservedProblem problem)
    {
        if (problem is not { Code: { Length: > 0 and < 100 } code, Target: { Length: > 0 and < LongestName } target }
            || problem.KeysLeft < 0 || problem.Count < 0)
        {
            throw new FormatException("an entry does not say what it is about");
        }

        var isKnown = Enum.TryParse<RedisOpenSlotState>(problem.State, out var state) && Enum.IsDefined(typeof(RedisOpenSlotState), state);
        var (first, last) = (Time(problem.First) ?? throw NoTime(), Time(problem.Last) ?? throw NoTime());
        return new Observation(code, target, first, last)
        {
            Changed = Time(problem.Changed),
            KeysLeft = problem.KeysLeft,
            State = isKnown ? state : null,
            SourceId = problem.SourceId,
            TargetId = problem.TargetId,
            Count = problem.Count,
        };

        static FormatException NoTime() => new("an entry has no time");
    }

    private static ObservedProblem ProblemOf(Observation observation) => new()
    {
        Code = observation.Code,
        Target = observation.Target,
        First = Text(observation.First),
        Last = Text(observation.Last),
        Changed = observation.Changed is { } changed ? Text(changed) : null,
        KeysLeft = observation.KeysLeft,
        State = observation.State?.ToString(),
        SourceId = observation.SourceId,
        TargetId = observation.TargetId,
        Count = observation.Count,
    };

    private static string Text(DateTime time) => time.ToString("o", CultureInfo.InvariantCulture);

    private static DateTime? Time(string? text)
    {
        if (text is null)
            return null;
        var isTime = DateTime.TryParseExact(text, "o", CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind, out var time);
        return isTime && time.Kind == DateTimeKind.Utc
            ? time
            : throw new FormatException("'" + Printable.Clean(text, 40) + "' is not a time");
    }

    private static ObservationDocument Parse(byte[] bytes)
    {
        // The JSON reader closes whatever is open at the end of the bytes, so a truncated file would pass.
        var length = bytes.Length;
        while (length > 0 && bytes[length - 1] is (byte)'\n' or (byte)'\r' or (byte)' ')
            length--;
        if (length == 0 || bytes[length - 1] != (byte)'}')
            throw new FormatException("it is empty or truncated");
        using var reader = JsonReaderWriterFactory.CreateJsonReader(bytes, 0, length, Encoding.UTF8, Quotas, null);
        return Serializer.ReadObject(reader) as ObservationDocument ?? throw new FormatException("it is not the JSON of a state file");
    }
}

/// <summary>
/// The content of the state file. Only text and numbers: no member can hold an object, so no type name is ever resolved.
/// The contract names are those of earlier versions, which read the same file.
/// </summary>
[DataContract(Name = "watch", Namespace = "")]
internal sealed class ObservationDocument
{
    public const int CurrentVersion = 1;

    [DataMember(Name = "version", Order = 0, IsRequired = true)]
    public int Version { get; set; }

    [DataMember(Name = "writtenAt", Order = 1)]
    public string? WrittenAt { get; set; }

    /// <summary>The ids of the cluster's nodes.</summary>
    [DataMember(Name = "nodeIds", Order = 2)]
    public string[]? NodeIds { get; set; }

    [DataMember(Name = "seen", Order = 3)]
    public ObservedProblem[]? Seen { get; set; }
}

/// <summary>One observation in the state file.</summary>
[DataContract(Name = "trouble", Namespace = "")]
internal sealed class ObservedProblem
{
    [DataMember(Name = "code", Order = 0)]
    public string? Code { get; set; }

    [DataMember(Name = "target", Order = 1)]
    public string? Target { get; set; }

    [DataMember(Name = "first", Order = 2)]
    public string? First { get; set; }

    [DataMember(Name = "last", Order = 3)]
    public string? Last { get; set; }

    [DataMember(Name = "changed", Order = 4, EmitDefaultValue = false)]
    public string? Changed { get; set; }

    [DataMember(Name = "keysLeft", Order = 5, EmitDefaultValue = false)]
    public long? KeysLeft { get; set; }

    [DataMember(Name = "state", Order = 6, EmitDefaultValue = false)]
    public string? State { get; set; }

    [DataMember(Name = "sourceId", Order = 7, EmitDefaultValue = false)]
    public string? SourceId { get; set; }

    [DataMember(Name = "targetId", Order = 8, EmitDefaultValue = false)]
    public string? TargetId { get; set; }

    [DataMember(Name = "count", Order = 9, EmitDefaultValue = false)]
    public long? Count { get; set; }
}
