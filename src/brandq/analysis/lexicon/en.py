"""English words of opinion, in small letters. How a group is written is said in ``brandq.analysis.lexicon``."""

from __future__ import annotations

from brandq.analysis.lexicon.groups import CLEAR, FAINT, MILD, STRONG, Group, Kind

GROUPS = (
    # --- for a brand ---
    Group("recommended without reserve", Kind.OPINION, STRONG, """
        best_buy_for best_choice best_in_class best_money_can_buy best_of_the_best best_option best_overall best_pick
        best_you_can_buy can't_be_beat can't_be_beaten can't_beat can't_go_wrong can_not_go_wrong cannot_go_wrong
        clear_winner comes_highly_recommended comes_out_on_top couldn't_be_happier cream_of_the_crop easy_choice
        easy_recommendation easy_to_recommend editor's_choice first_choice first_place gold_standard
        hands_down_the_best hard_to_beat hard_to_fault hard_to_go_wrong highly_recommend highly_recommended i'd_buy
        i'd_choose i'd_get i'd_go_with i'd_pick i_would_buy i_would_choose i_would_get i_would_go_with i_would_pick
        leaves_nothing_to_be_desired money_well_spent must_buy must_have my_favorite my_favourite no_brainer
        nothing_comes_close nothing_else_comes_close number_one obvious_choice our_favorite our_favourite
        overall_winner safest_choice second_to_none smartest_choice strongly_recommend strongly_recommended
        takes_first_place takes_the_crown the_one_i'd the_one_i_would the_one_to_beat the_one_to_buy the_one_to_get
        top_choice top_notch top_of_my_list top_of_the_list top_pick top_rated tough_to_beat unbeatable unmatched
        unrivaled unrivalled wins_outright would_definitely_recommend wouldn't_hesitate
    """),
    Group("recommended", Kind.OPINION, CLEAR, """
        a_treat award_winning best_bet better_bet better_buy better_choice better_option better_pick buy_again
        come_back_to crowd_pleaser deserves_a_place deserves_its deserves_the earned_its_place earns_its_place
        editors'_choice excellent_choice excellent_option excellent_pick favored favorite favorites favoured favourite
        favourites fine_choice go_to go_with good_choice good_fit good_option good_pick great_choice great_fit
        great_option great_pick hidden_gem ideal justifies_the_price keep_coming_back logical_choice natural_choice
        never_looked_back no_regrets perfect perfect_fit pick_of pleasantly_surprised popular_choice prefer preferred
        recommend recommendable recommended recommending recommends reliable_choice right_choice right_fit safe_bet
        safe_choice safer_choice sensible_choice smart_buy smart_choice smart_pick solid_buy solid_choice solid_option
        solid_pick stand_out standout stands_out stick_with strong_choice strong_contender strong_fit strong_option
        strong_pick swear_by swears_by well_worth winner winners wise_choice worth_a_look worth_a_try worth_a_visit
        worth_buying worth_considering worth_every_penny worth_getting worth_having worth_it worth_owning worth_paying
        worth_the_extra worth_the_money worth_the_premium worth_the_price worth_the_splurge worth_the_trip
        worth_the_upgrade worth_the_wait worth_trying worth_visiting worth_your_money worth_your_time worthwhile
        worthy would_buy_again would_recommend
    """),
    Group("recommended with reserve", Kind.OPINION, MILD, """
        contender contenders decent decently go_for sensible suitable worth worth_checking worth_exploring
    """),
    Group("fits", Kind.OPINION, FAINT, """
        appeal appealing catering caters consistent consistently enough sufficient suited suits well_suited
    """),
    Group("praise beyond measure", Kind.OPINION, STRONG, """
        a_joy amazing astonishing awesome best best_in_the_business best_of_the_group best_of_the_three best_selling
        breathtaking excellent exceptional exceptionally extraordinary fabulous fantastic faultless finest flawless
        flawlessly gorgeous hardly_any_other hardly_any_rival hardly_anybody_else hardly_anyone_else hardly_ever_fail
        hardly_ever_fails immaculate impeccable incomparable incredible incredibly_good knockout like_no_other
        magnificent masterpiece mind_blowing never_disappoints never_failed never_had_a_problem never_had_any_issues
        never_let_me_down never_lets_you_down never_misses next_level no_one_else nobody_else not_a_single_problem
        outstanding peerless phenomenal rarely_fails remarkable sensational spectacular spotless stellar stunner
        stunning sublime superb superlative terrific top_of_the_line unparalleled unsurpassed wonderful world_class
    """),
    Group("praise", Kind.OPINION, CLEAR, """
        outlive outlives outlived outlast outlasts outlasted keeps_perfect_time just_works never_fails_to never_breaks
        never_broke never_broken never_needed still_going still_works still_runs going_strong without_a_hitch
        without_fuss for_nothing a_breeze a_delight a_winner like_a_rock like_a_charm like_a_dream like_clockwork
        like_new_after has_the_edge has_an_edge have_the_edge and_more_besides year_warranty rock_solid spot_on
        top_drawer a_cut_above never_looked_back no_regret a_pleasure a_bargain worth_every_cent a_step_up acclaimed
        accommodating admirable aged_well ages_well ahead_of ahead_of_the_curve ahead_of_the_pack airy beat beats
        beautiful beautifully better big_improvement bombproof brightest brilliant built_like_a_tank careful caught_up
        charming class_leading cleanest cleans_well clever come_a_long_way comfier comfiest commendable
        consistent_results coolest cosiest cost_little costs_little cosy courteous coziest creamy crisp crispy
        cut_above cuts_well delight delightful delights detangles_well did_well do_well does_the_job does_the_job_well
        does_well earns_praise easier easiest easy_to_assemble easy_to_carry easy_to_clean easy_to_find easy_to_hold
        easy_to_install easy_to_learn easy_to_read easy_to_set_up edges_out effortlessly enjoy enjoyable enjoyed
        enjoys excel excelled excelling excels exciting experienced expert exquisite fair_price fair_prices
        fair_pricing faithful faster_than feels_good feels_great feels_premium feels_solid few_complaints
        fits_like_a_glove fits_well flavourful for_half_the_price for_life fragrant friendliest friendly_staff
        fun_to_drive fuss_free gem generous_portions gets_a_lot_right gets_it_right gets_the_job_done glowing_reviews
        good good_deal good_for good_reviews great great_for great_prices great_reviews grips_well half_the_money
        handles_well happy hard_wearing hardly_breaks hardwearing held_up high_end high_marks high_quality hold_up
        holds_its_own holds_its_value holds_up holds_value honest_quotes hospitable impress impressed impresses
        impressive impressively improved_a_lot industry_leading ingenious juicy last_for_years last_forever lasts_for
        lasts_for_years lasts_forever lasts_years leads lifetime_guarantee lifetime_warranty lighter_than lightest
        likable livelier lively long_lived look_nice looks_good looks_great looks_nice love loved loved_by lovely
        loves low_prices loyal maintenance_free market_leading meticulous most_accurate most_comfortable
        most_dependable most_durable most_efficient most_enjoyable most_fun most_powerful most_reliable most_versatile
        much_improved neat never_runs_out nice nicely nicer nicest no_complaints on_time outclass outclasses
        outperform outperformed outperforms outshine outshines pairs_well patient pays_for_itself perform_well
        performed_well performs_well pleasant pleased pleasing plush polished positive_reviews powerful pristine
        prompt punches_above punctual quick_to_set_up quietest rarely_breaks rarely_fail rave_reviews refined
        repairs_for_life retains_its_value rich rides_well robust roomier roomiest run_well runs_well safest satisfied
        satisfying save_more saves_money saves_time saves_you sells_well sharper sharpest shine shines simple_to_use
        simplest skilled sleeps_well smartest smells_great smoothest solid solidly sounds_good sounds_great
        standout_feature stands_the_test steal stellar_value step_above strong stronger strongest sturdier sturdiest
        superior surpass surpasses tastes_good tastes_great tender thorough thoughtful thrilling tidy top top_marks
        top_tier tops tough tougher toughest travels_well trumps trusted_by trusty vibrant warm warmest wears_well
        welcoming well_balanced well_built well_crafted well_designed well_engineered well_liked well_made
        well_organised well_organized well_rounded well_thought_out win wins wins_praise without_complaints won
        work_well worked_well works_fine works_great works_well zippy
    """),
    Group("praise, mild", Kind.OPINION, MILD, """
        ad_free_version advanced advantage advantages almost_as_good as_good_as_new audited balance balanced benefit
        benefits best_price boasts broad can_be_adjusted capable clean clear comprehensive customisable customizable
        cutting_edge deep_bass detailed distinctive dynamic effective effectively elegant enhanced excellence
        expansive extensive extra feature_packed feature_rich fine firm_support free_delivery free_repairs
        free_returns generous good_enough great_value high_performance improved improvement improves innovation
        innovative just_as_good larger_selection largest leader leading live_editing loaded lots_of_options
        lots_of_settings luxurious luxury many_colors many_colours many_sizes modern more_than_enough natural
        nearly_as_good next_day no_ads no_contract no_subscription open_24 open_late open_source original perfection
        perfectly_fine performance_boost perk perks plenty plenty_of positive premium pros punchy quality recyclable
        refundable richer same_day secure_fit sharp silent sleek smart snug soft sophisticated specialist specialists
        state_of_the_art strength strengths strong_suit stylish supportive talented the_larger the_largest timeless
        top_selling trendy unique upscale variety versatile versatility vivid well wide_range wide_selection
        wide_variety
    """),
    Group("reputation", Kind.OPINION, CLEAR, """
        admired beloved celebrated critically_acclaimed cult_favorite esteemed excellent_reputation five_star glowing
        good_reputation great_reputation highly_rated highly_regarded iconic legendary praise praised praises
        prestigious rated_highly rave raved renowned reputable respected solid_reputation strong_reputation trusted
        trustworthy well_loved well_received well_regarded well_respected well_reviewed
    """),
    Group("reputation, mild", Kind.OPINION, MILD, """
        best_known established famous household_name known_for lauded leading_brand noted_for popular popularity
        prominent recognised recognized reputation_for well_established well_known widely_used
    """),
    Group("trust and durability", Kind.OPINION, CLEAR, """
        built_to_last bulletproof dependability dependable durability durable hassle_free honest indestructible
        lasting lasts_longer long_lasting never_fails reliability reliable reliably rugged safe safer sturdy tank_like
        trouble_free
    """),
    Group("trust and durability, mild", Kind.OPINION, MILD, """
        accuracy accurate certified compliant eco_friendly ethical official organic precise private proven secure
        stable sustainable tested transparent warranty_included waterproof weatherproof
    """),
    Group("price", Kind.OPINION, CLEAR, """
        affordable affordably amazing_value bang_for_the_buck bang_for_your_buck bargain best_value breaking_the_bank
        budget_friendly cost_effective economical excellent_value exceptional_value fantastic_value good_value
        great_deal great_price incredible_value inexpensive low_cost reasonably_priced unbeatable_price
        value_for_money value_packed wallet_friendly well_priced
    """),
    Group("price, mild", Kind.OPINION, MILD, """
        accessible affordability cheaper cheapest competitive competitively_priced discounts fair free_tier
        generous_free_plan less_expensive lower_price reasonable
    """),
    Group("in use", Kind.OPINION, CLEAR, """
        attentive beginner_friendly comfort comfortable comfy convenient cozy delicious easily easy easy_to_use
        efficient effortless ergonomic fast faster fastest flavorful fresh friendly helpful immersive intuitive
        knowledgeable lightweight lush polished_app practical professional quiet quieter responsive seamless
        seamlessly smooth smoother smoothly snappy speedy straightforward tasty useful user_friendly
    """),
    Group("in use, mild", Kind.OPINION, MILD, """
        adjustable agile breathable bright cleaner compact convenience crystal_clear ease ease_of_use flexibility
        flexible fun generous_storage handy hassle_free_returns hygienic immersion long_battery_life low_maintenance
        nimble portable quick quickly reversible roomy simple simplicity simplifies slim spacious stain_resistant
        streamlined supportive_fit
    """),
    # --- against a brand ---
    Group("advised against", Kind.OPINION, -STRONG, """
        advise_against avoid avoided avoiding beware can't_recommend cannot_recommend do_not_buy don't_bother
        don't_buy don't_recommend look_elsewhere never_buy nobody_should not_buy not_recommended not_worth
        not_worth_it pass_on recommend_against skip stay_away stay_clear steer_clear think_twice won't_buy
        won't_recommend would_not_buy would_not_recommend wouldn't_buy wouldn't_recommend
    """),
    Group("blame beyond measure", Kind.OPINION, -STRONG, """
        abysmal appalling atrocious awful disgusting dreadful garbage horrendous horrible horrid junk nightmare
        pathetic rip_off ripoff scam scams shoddy terrible trash unacceptable unusable useless waste_of_money worst
        worthless
    """),
    Group("blame", Kind.OPINION, -CLEAR, """
        stings bankrupt_you false_alarms returned_my returned_it sent_it_back took_it_back pills pilling buries_you
        buried_in nickel_and_dime upsell upsells upselling cuts_corners cut_corners corners_cut broke_within
        died_within failed_within gave_up_after gives_up_after eats_batteries all_that_can_be_said leaves_you_waiting
        keeps_you_waiting ghosted better_ways_to_spend worse_over_time more_trouble_than falls_behind lags_behind
        lag_behind thin_on_the_ground let_me_down let_us_down lets_you_down crashes_daily broke_after failed_after
        not_fit_for a_pain a_nightmare a_waste a_rip_off daylight_robbery a_gamble a_gimmick a_letdown a_mess
        ads_everywhere annoying arrived_broken arrived_damaged arrived_late avoid_at_all_costs bad bad_support badly
        bait_and_switch beaten_by behind bends bland_food bloatware blurry breakdown breakdowns breaks broke broken
        buggy bugs burnt buyer's_remorse came_loose can't_compare can't_compete can't_match cannot_compete
        cheap_feeling cheap_plastic cheaply_made choppy clumsy clunky comes_loose complain complained complains
        complaint complaints corrodes cracked cracking cracks cramped crash crashes criticised criticism criticized
        crowded cumbersome dated_design deceptive declining defective dented deteriorated didn't_last died_after dies
        dies_quickly difficult_to_cancel difficult_to_use dim dirty disappointed disappointing disappointment
        disappoints disconnecting disconnects dishonest dissatisfied divided do_not_recommend does_not_last
        doesn't_compare doesn't_last downhill drains_fast drops_out dull faded fades fail failed failing fails failure
        failures fall_short falls_apart falls_short faulty feels_cheap fell_apart fell_off filthy flavorless flawed
        flimsy fragile fraying frays freezes freezing_up frustrated frustrating full_of_ads gamble gimmick gimmicky
        glitchy gone_downhill grainy greasy hangs hard_to_assemble hard_to_cancel hard_to_clean hard_to_find
        hard_to_install hard_to_reach hard_to_read hard_to_recommend hard_to_use hate hated hidden_charges
        hidden_costs hit_or_miss hollow impossible_to_cancel impossible_to_reach inaccurate inadequate inconsistent
        ineffective inefficient inferior infuriating intrusive isn't_worth jammed jamming jams jerky lackluster
        lacklustre lag laggy laggy_interface lags late_delivery leaked_water leaking leaves_a_lot_to_be_desired
        leaves_much_to_be_desired leaves_something_to_be_desired let_down letdown lets_down lose loses lost lousy
        lumpy malfunction malfunctions mediocre messy misleading missed_appointment mixed_bag mixed_reviews
        muddy_sound nasty never_answer leak leaked ignores ignores_you ignored_us never_answers never_arrived
        never_calls_back never_replies never_reply never_respond never_responds never_showed no_refund no_reply
        no_response noisy not_what_it_was nothing_special outclassed_by outdated outperformed_by overcharged
        overcharges overcharging overcooked overcrowded overheating overheats overhyped overpriced overrated painful
        peeling peels plagued poor poor_support poorly price_hike price_hikes price_increase price_increases
        problem_prone problematic pushy_sales questionable quit_working raised_its_prices raised_prices raises_prices
        raises_the_price rattles refused_a_refund refused_to_refund refuses_to_refund regret regretted ripped rips
        rude rude_staff rust rusted rusting rusts scratched scratches sells_your_data shady shallow sharply_divided
        short_lived showed_up_late shows_up_late sloppy slow slow_support slower sluggish smelly smoky soggy spotty
        spyware stained stale_food stalled stalls stiff stingy stinks stopped_working stops_working struggle struggled
        struggles struggling subpar surpassed_by surprise_charges surprise_fees tacky tasteless tears terrible_support
        terribly tinny tore trail trails trip_the_fuse trips_the_breaker trips_the_fuse troublesome ugly unappealing
        unattractive uncomfortable undercooked underperform underperforms underpowered underwhelming unfriendly
        unhelpful unhelpful_support unimpressive uninspired unintuitive unpleasant unprofessional unreliable
        unresponsive unsafe unsatisfactory unsatisfying unstable unsuitable untrustworthy upcharge used_to_be_better
        vague warped warps washed_out wasn't_worth wasteful watery weak weaker weakest wears_out_quickly went_downhill
        wobbly won't_last won't_refund wore_out worse
    """),
    Group("blame, mild", Kind.OPINION, -MILD, """
        ads average awkward backordered basic bigger_than bland blemish bloated bulkier bulky caveat caveats complex
        complicated compromise compromises con concern concerned concerns confusing cons controversial cost_extra
        costly costs_extra dated dearer delayed delays difficult disadvantage disadvantages downside downsides
        drawback drawbacks drawn_out extra_charge_for few_features few_locations few_settings few_stores
        fewer_features fiddly finicky flaw flaws glare glitch glitches hard_to harder heavier heavy hefty higher_cost
        higher_price is_not_enough isn't_enough issue issues large_and_heavy leaks learning_curve less_accurate
        less_clean less_comfortable less_durable less_powerful less_refined less_reliable limit limitation limitations
        limited limits long_lines long_queues long_wait long_waits look_plain looks_plain loud louder may_not_be
        minor_issues missing mixed needs_a_subscription needs_internet niche no_app no_frills no_warranty noise_leak
        noisier not_enough_on_its_own not_for_everyone not_ideal not_the_cheapest not_the_fastest out_of_stock
        overkill overly picky polarizing problem problems pushy queues requires_a_subscription restrictive risk risks
        risky room_for_improvement rough runs_narrow scratchy short_battery_life short_warranty shortcoming
        shortcomings skimpy slower_than small_print smaller snag sold_out stale steep subscription_required suffer
        suffers thin thin_fabric tiny too_big too_cold too_dark too_firm too_hard too_heavy too_hot too_large too_long
        too_loose too_loud too_narrow too_short too_slow too_small too_soft too_thin too_tight trade_off trade_offs
        tradeoff tradeoffs unclear uneven unfortunately unproven waiting_list warn warned warning weakness weaknesses
        wears_out worries worry
    """),
    Group("marks against", Kind.OPINION, -FAINT, "❌ 👎"),
    Group("dear", Kind.OPINION, -MILD, """
        almost_twice_as_much cost_more costlier costly_repairs costs_almost_twice costs_more double_the_price
        exorbitant expensive expensive_and expensive_side eye_watering far_from_cheap hefty_price hidden_fees
        high_cost high_fees high_monthly_fees high_price isn't_cheap monthly_fees more_expensive not_cheap pay_for_it
        pays_a_premium premium_price premium_priced premium_pricing premium_to_pay pricey pricier pricy prohibitive
        sky_high steep_price steeply_priced twice_as_much twice_the_price you_pay_for_it
    """),
    Group("facts against a company", Kind.OPINION, -CLEAR, """
        accused allegations alleged antitrust bankrupt bankruptcy banned breach breached carcinogenic catches_fire
        class_action controversy counterfeit data_breach deceived discontinued explode exploded explosion fake fined
        fines fraud fraudulent hacked hazard illegal indicted insolvency insolvent investigated investigation knockoff
        laid_off lawsuit lawsuits layoffs leaked malware penalties penalty plagiarism pulled_from_the_market recall
        recalled recalls sanctioned sanctions scandal scandals settlement shut_down sued sues suing toxic violated
        violating violation violations vulnerabilities vulnerability
    """),
    # --- words that turn or weigh others ---
    Group("no", Kind.NEGATION, 1.0, """
        ain't aint anything_but aren't avoids barely can't cannot couldn't didn't doesn't don't eliminates eliminating
        fail_to failed_to fails_to far_from few free_from free_of hadn't hardly hasn't haven't isn't less little low
        lower minimal minimizes minimizing neither never no nobody none nor not nothing prevents rarely reduced
        reduces reducing scarcely seldom shouldn't wasn't weren't without won't wouldn't zero
    """),
    Group("lack", Kind.LACK, -MILD, """
        could_be could_have_been could_use lack lacked lacking lacks needs_better needs_more not_enough short_on
        should_be should_have_been without_much
    """),
    Group("more", Kind.DEGREE, 1.3, """
        absolutely deeply especially extra extremely highly incredibly most particularly really remarkably seriously
        severely so super terribly too truly very
    """),
    Group("as it is", Kind.DEGREE, 1.0, """
        a all also always an any as at_all even fairly more much pretty quite that the very_much
    """),
    Group("less", Kind.DEGREE, 0.6, """
        a_bit a_little can_be could may might occasional occasionally partly possibly relatively slight slightly some
        sometimes somewhat
    """),
    Group("but", Kind.CONTRAST, 1.0, """
        although but despite except however nevertheless nonetheless on_the_other_hand that_said though unless whereas
        while whilst yet
    """),
    # --- words that hold one of the above, or look like one, and are no opinion ---
    Group("no denial", Kind.PLAIN, 0.0, """
        best_known_for don't_hesitate don't_let last_but_not_least no_1 no_clear_information no_doubt no_less_than
        no_matter no_one_size no_other no_reliable_information no_single_best no_wonder not_aware not_familiar
        not_just not_merely not_necessarily not_only not_simply not_sure not_to_mention nothing_but nothing_else
        there_is_no_single undoubtedly without_a_doubt without_question
    """),
    Group("other words", Kind.PLAIN, 0.0, """
        a_few ad_free ads_free all_day all_in_one all_of all_season all_terrain all_the annual_average anti_fraud as_a
        as_an as_it as_of as_the as_well as_well_as at_best at_least average_cost average_price average_user
        average_weight bad_credit bad_weather basic_economy basic_plan beat_the_heat best_buy best_by best_for
        best_practice best_practices best_suited best_to best_ways best_wishes better_business_bureau
        better_understand breach_detection break_even bright_room bright_rooms bright_side clean_energy clean_up
        clean_water clear_coat clear_out clear_sky cons_of critical_issues_first drum_beat dry_clean dust_free
        easy_going easy_wins enough_to_know excellent_credit excellent_to_good expert_review extra_charge
        extra_charges extra_cost extra_fee fair_credit fair_enough fair_trade fair_warning fast_charger fast_charging
        fast_fashion fast_food fast_moving few_clicks few_days few_key few_minutes few_more few_options few_things
        few_years fine_print fine_tune first_generation for_better_or_worse for_free for_good fraud_detection
        fraud_prevention fraud_protection free_shipping free_trial fresh_start friendly_reminder good_credit
        good_evening good_idea good_luck good_morning goods great_britain great_lakes great_outdoors hard_drive
        heavy_cream heavy_duty heavy_lifting heavy_machinery heavy_metal heavy_rain heavy_usage heavy_use high_risk
        home_depot honest_review honest_reviews illegal_content in_the_market investigation_tools issue_date issued
        lag_free law_firm lead_time leading_to leads_to life_insurance light_and_heavy like_new limited_budget
        limited_company limited_edition limited_space limited_time limited_to_the limited_warranty lost_and_found
        lost_luggage love_story love_to loved_ones low_risk malware_protection malware_removal more_or_less most_of
        most_people narrow_feet natural_gas natural_language natural_light nice_to_meet no_1_in no_cost no_limit
        no_limits noise_canceling noise_cancellation noise_cancelling noise_reduction non_toxic not_limited_to not_too
        oh_well on_average on_top one_of_the_most open_issue original_equipment patient_care plain_english plain_text
        poor_credit power_bank premium_economy premium_plan premium_tier premium_version price_drop price_drops
        pro_bono pro_tip pro_version problem_solver problem_solving professional_installation pros_and_cons
        quality_assurance quality_control quality_of_life quality_time quick_answer quick_breakdown quick_look
        quick_note quick_overview quick_question quick_start quick_tip quiet_hours recall_that recall_the_name
        rich_communication rich_text rip_current risk_assessment risk_free risk_management room_temperature rust_belt
        safe_deposit safe_harbor safety_first scam_blocking scam_protection secure_a short_list simple_syrup simply
        slow_cook slow_cooker slow_motion smart_features smart_home smart_homes smart_lock smart_phone smart_speaker
        smart_tv smart_watch smooth_chuck so_far so_good_luck so_it so_on so_that so_you soft_drink soft_drinks
        soft_start solid_state some_of speed_limit steep_hills strong_password strongly_held tear_down tender_age
        thin_client thin_crust time_limited top_end top_freezer top_handle top_left top_load top_loading top_of
        top_right top_speed top_up toxic_free trail_runners trail_running trail_runs trail_shoes trail_use trash_can
        variety_pack vulnerability_scanning warm_up warm_water warm_weather weak_signal well_after well_before
        well_over well_then well_under wide_feet win_a win_win worry_free youtube_premium
    """),
)  # fmt: skip
