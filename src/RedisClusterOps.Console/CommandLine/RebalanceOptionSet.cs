using System;
using System.Collections.Generic;
using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace RedisClusterOps.Console.CommandLine;

/// <summary>The options of what a rebalance is to reach.</summary>
internal sealed class RebalanceOptionSet
{
    private static readonly RebalanceOptions Defaults = new();

    private readonly Option<Dictionary<string, double>> _weight = new("--weight")
    {
        Description = "node=weight, such as 10.0.0.1:6379=2; 0 drains the node. A master that is not named has weight 1. May be given several times.",
        HelpName = "node=weight",
        AllowMultipleArgumentsPerToken = true,
        CustomParser = ReadWeights,
    };

    private readonly Option<bool> _useEmptyMaster = new("--use-empty-master") { Description = "Give slots to masters that have none, too." };

    private readonly Option<double> _threshold = new("--threshold")
    {
        Description = "Percent that a master may be off before anything is moved; 0 for exact.",
        HelpName = "percent",
        CustomParser = ReadThreshold,
        DefaultValueFactory = _ => Defaults.Threshold,
    };

    private readonly Option<RebalanceMeasure> _by = new("--by")
    {
        Description = "What is made even.",
        HelpName = string.Join('|', Enum.GetNames<RebalanceMeasure>()),
        CustomParser = ParameterParsers.NameOf<RebalanceMeasure>("--by"),
        DefaultValueFactory = _ => Defaults.By,
    };

    public IReadOnlyList<Option> All => [_weight, _useEmptyMaster, _threshold, _by];

    public void AddTo(Command command)
    {
        foreach (var option in All)
            command.Add(option);
    }

    public RebalanceOptions Read(ParseResult parsed) => new()
    {
        Weights = parsed.GetValue(_weight) ?? [],
        UseEmptyMaster = parsed.GetValue(_useEmptyMaster),
        Threshold = parsed.GetValue(_threshold),
        By = parsed.GetValue(_by),
    };

    private static Dictionary<string, double> ReadWeights(ArgumentResult result)
    {
        var weights = new Dictionary<string, double>();
        foreach (var token in result.Tokens)
        {
            var equals = token.Value.LastIndexOf('=');
            if (equals < 1 || !TryRead(token.Value[(equals + 1)..], out var weight) || !(weight >= 0))
                result.AddError("--weight takes node=weight with a weight of 0 or more, such as 10.0.0.1:6379=2; not '" + Shown(token.Value) + "'.");
            else if (!weights.TryAdd(token.Value[..equals], weight))
                result.AddError("--weight names " + Shown(token.Value[..equals]) + " twice.");
        }

        return weights;
    }

    private static double ReadThreshold(ArgumentResult result)
    {
        var text = result.Tokens[0].Value;
        if (TryRead(text, out var percent) && percent is >= 0 and <= 100)
            return percent;
        result.AddError("--threshold takes a number from 0 to 100; not '" + Shown(text) + "'.");
        return Defaults.Threshold;
    }

    private static bool TryRead(string text, out double number) =>
        double.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out number);

    private static string Shown(string text) => Protocol.Printable.Clean(text, 60);
}
