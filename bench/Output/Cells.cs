using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace RedisClusterOps.Benchmarks;

/// <summary>A row's result as text: the same for the screen and the document.</summary>
internal static class Cells
{
    public static IReadOnlyList<string> Header(RowResult result) =>
        ["tool", .. result.Metrics.Select(metric => Metrics.NameOf(metric) + ", " + Metrics.UnitOf(metric)), "speed over " + result.Row.Contestants[0].Name];

    public static IEnumerable<IReadOnlyList<string>> Lines(RowResult result) =>
        from contestant in result.Row.Contestants
        where result.Values(Metric.Seconds, contestant.Name).Count > 0
        select (IReadOnlyList<string>)
        [
            contestant.Name,
            .. result.Metrics.Select(metric => Spread(result.Values(metric, contestant.Name), value => Metrics.Text(metric, value))),
            Spread(result.Ratios(Metric.Seconds, result.Row.Contestants[0].Name, contestant.Name), value => Metrics.Text(value) + "×"),
        ];

    /// <summary>Each demand with what was measured; null where nothing was.</summary>
    public static IEnumerable<(Demand Demand, double? Measured)> Demands(RowResult result) =>
        result.Row.Demands.Select(demand => (demand, result.Failure is null ? demand.Measured(result) : null));

    public static string Verdict(Demand demand, double? measured) => measured switch
    {
        null => "not measured",
        { } value => (demand.IsMet(value) ? "met" : "**missed**") + ": " + Metrics.Text(value) + demand.Unit,
    };

    private static string Spread(IReadOnlyList<double> values, System.Func<double, string> text)
    {
        if (values.Count == 0)
            return "–";
        double[] sorted = [.. values.Order()];
        var median = (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
        return sorted.Length == 1 ? text(median) : string.Create(CultureInfo.InvariantCulture, $"{text(median)} ({text(sorted[0])}–{text(sorted[^1])})");
    }
}
